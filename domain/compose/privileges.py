"""What a service asks of the kernel: capabilities, security options, namespaces, kernel parameters, limits."""

import re
from collections.abc import Mapping
from typing import Any

from domain.compose.context import Context
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError, FindingCollector, quote
from domain.compose.host_access import refuse
from domain.compose.key_values import read_pairs
from domain.compose.scalars import bad_value
from domain.compose.values import MapValue, Value, as_list, as_map, as_scalar
from domain.model.project import Ulimit

_CAPABILITY = re.compile(
    "ALL|AUDIT_(CONTROL|READ|WRITE)|BLOCK_SUSPEND|BPF|CHECKPOINT_RESTORE|CHOWN|DAC_(OVERRIDE|READ_SEARCH)|FOWNER|FSETID"
    "|IPC_(LOCK|OWNER)|KILL|LEASE|LINUX_IMMUTABLE|MAC_(ADMIN|OVERRIDE)|MKNOD|NET_(ADMIN|BIND_SERVICE|BROADCAST|RAW)"
    "|PERFMON|SETFCAP|SETGID|SETPCAP|SETUID|SYSLOG|SYS_(ADMIN|BOOT|CHROOT|MODULE|NICE|PACCT|PTRACE|RAWIO|RESOURCE|TIME)"
    "|SYS_TTY_CONFIG|WAKE_ALARM"
)
# What Docker grants by default. The panel denies some of them to every container: see `DENIED` in the Docker adapter.
_GRANTED = frozenset(
    {
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_BIND_SERVICE",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_DENIED = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP"})
_NO_NEW_PRIVILEGES = frozenset({"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"})
# Parameters of the container's own network and IPC namespaces that change nothing outside.
_SYSCTL = re.compile(
    r"net\.core\.somaxconn|net\.ipv4\.(tcp_[a-z_]+|ip_unprivileged_port_start|ip_local_port_range|ping_group_range)"
    r"|net\.ipv4\.conf\.(all|default)\.(src_valid_mark|rp_filter|log_martians|(accept|secure|send)_redirects|accept_source_route)|net\.ipv6\.conf\.(all|default|lo)\.disable_ipv6"
    r"|net\.unix\.max_dgram_qlen|kernel\.(shm(max|all|mni)|msg(max|mnb|mni)|sem)|fs\.mqueue\.[a-z_]+"
)
_ULIMITS = frozenset(
    {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nofile", "nproc", "rss", "stack"}
)
_LIMIT = re.compile(r"-1|[0-9]{1,15}")


def read_cap_add(value: Value, context: Context) -> Mapping[str, Any]:
    """Read capabilities to add: those that Docker grants by default, for texts that drop `ALL` first."""
    names = context.findings.attempt_all(lambda item: _added(item, context), as_list(value))
    powers = tuple(dict.fromkeys(name for name in names if name not in _GRANTED)) if context.host_access else ()
    granted = {"cap_add": tuple(dict.fromkeys(name for name in names if name in _GRANTED))}
    return {**granted, "host": {"capabilities": powers}} if powers else granted


def _added(value: Value, context: Context) -> str:
    name, findings = _capability(value), context.findings
    if name in _DENIED and not context.host_access:
        message = (
            f"The capability {quote(as_scalar(value).raw)} is not granted: the panel denies it to every container."
        )
        findings.warn(Code.NOT_KEPT, message, value.location)
    elif name not in _GRANTED:
        message = f"Remove the capability {quote(as_scalar(value).raw)}: it gives power over the host."
        refuse(
            context, Code.CAPABILITY_REFUSED, message, f"The capability {quote(as_scalar(value).raw)}", value.location
        )
    return name


def read_cap_drop(value: Value, context: Context) -> Mapping[str, Any]:
    """Read capabilities to drop."""
    return {"cap_drop": tuple(dict.fromkeys(context.findings.attempt_all(_capability, as_list(value))))}


def _capability(value: Value) -> str:
    scalar = as_scalar(value)
    name = scalar.text.upper().removeprefix("CAP_")
    if not _CAPABILITY.fullmatch(name):
        raise bad_value(scalar, "write `ALL` or a capability, such as `NET_RAW`")
    return name


def read_security_opt(value: Value, context: Context) -> Mapping[str, Any]:
    """Accept what every container has: `no-new-privileges`. Refuse other options."""
    options = context.findings.attempt_all(lambda item: _security_option(item, context), as_list(value))
    powers = tuple(option for option in options if option)
    return {"host": {"security_opt": powers}} if powers else {}


def _security_option(value: Value, context: Context) -> str:
    """Return an option that lifts a restriction, or an empty text."""
    scalar = as_scalar(value)
    if scalar.text.lower() not in _NO_NEW_PRIVILEGES:
        message = f"Remove {quote(scalar.raw)}: the panel sets the security options of every container."
        refuse(context, Code.SECURITY_OPT_REFUSED, message, quote(scalar.raw), scalar.location)
        return scalar.text
    return ""


def read_sysctls(value: Value, context: Context) -> Mapping[str, Any]:
    """Read kernel parameters of the container's own namespaces."""
    sysctls: dict[str, str] = {}
    for pair in read_pairs(value, context.findings):
        if _SYSCTL.fullmatch(pair.name):
            sysctls[pair.name] = pair.text or ""
        else:
            message = f"Remove {quote(pair.name)}: this parameter belongs to the host, not to the container."
            context.findings.add(Code.SYSCTL_REFUSED, message, pair.location)
    return {"sysctls": sysctls}


def read_ulimits(value: Value, context: Context) -> Mapping[str, Any]:
    """Read resource limits: one number, or `soft` and `hard`."""
    entries = tuple(as_map(value).entries.items())
    return {"ulimits": dict(context.findings.attempt_all(lambda entry: _ulimit(entry, context.findings), entries))}


def _ulimit(entry: tuple[str, Value], findings: FindingCollector) -> tuple[str, Ulimit]:
    name, value = entry
    if name not in _ULIMITS:
        message = f"Remove the limit {quote(name)}: a container can set {', '.join(sorted(_ULIMITS))}."
        raise FieldError(Code.UNSUPPORTED_FIELD, message, value.location)
    if not isinstance(value, MapValue):
        return name, Ulimit(_limit(value), _limit(value))
    check_fields(value, ("soft", "hard"), FieldRules(), findings)
    soft, hard = value.get("soft"), value.get("hard")
    if soft is None or hard is None:
        raise FieldError(Code.BAD_VALUE, "Write `soft` and `hard`.", value.location)
    return name, Ulimit(_limit(soft), _limit(hard))


def _limit(value: Value) -> int:
    scalar = as_scalar(value)
    if not _LIMIT.fullmatch(scalar.text):
        raise bad_value(scalar, "write an integer, or -1 for no limit")
    return int(scalar.text)
