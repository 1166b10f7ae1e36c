"""The restrictions of containers, and those that the owner of the host has lifted for one."""

from typing import Any

from docker import types

from domain.model.project import Component, HostMount

# Capabilities that Docker grants by default and web applications do not use: raw packets (spoofing within a network),
# device nodes, audit records, files with capabilities. The entry points of common images need the others (CHOWN,
# SETUID, NET_BIND_SERVICE, …) to drop root privileges.
DROPPED_CAPABILITIES = ("AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP")
NAMESPACES = {
    "pid": "pid_mode",
    "ipc": "ipc_mode",
    "uts": "uts_mode",
    "userns_mode": "userns_mode",
    "cgroup": "cgroupns",
}


def options(component: Component) -> dict[str, Any]:
    """Return capabilities, security options, devices and namespaces of a container."""
    host = component.host
    added = {*DROPPED_CAPABILITIES} if "ALL" in host.capabilities else set(host.capabilities)
    lifted = host.privileged or any(option.startswith("no-new-privileges") for option in host.security_opt)
    return {
        "privileged": host.privileged,
        "security_opt": [*host.security_opt, *([] if lifted else ["no-new-privileges"])],
        "cap_add": [*component.cap_add, *host.capabilities] or None,
        "cap_drop": None if host.privileged else sorted({*component.cap_drop, *DROPPED_CAPABILITIES} - added),
        "devices": list(host.devices) or None,
        "device_cgroup_rules": list(host.device_cgroup_rules) or None,
        **{NAMESPACES[name]: "host" for name in host.namespaces if name in NAMESPACES},
    }


def network_mode(component: Component) -> str:
    """Return the mode of a container that joins no network."""
    return "host" if "network" in component.host.namespaces else "none"


def host_mount(mount: HostMount) -> types.Mount:
    """Return the mount of a path of the host, which must exist."""
    return types.Mount(mount.path, mount.source, "bind", mount.read_only)
