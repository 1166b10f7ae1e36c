"""What an error of the database means for the operator: which part does not work, and what to do."""

import errno
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from domain import errors

UNAVAILABLE = "database_unavailable"
Failure = DBAPIError | DisconnectionError | PoolExhausted


@dataclass(frozen=True)
class Fault:
    """A named fault: one sentence about it, and the next step."""

    message: str
    advice: str


_FULL = Fault("The disk of the database is full", "Free space on it. Nothing that was stored is lost")
_READ_ONLY = Fault("The database is read-only", "Make its file and folder writable, or connect to the primary server")
_LOCKED = Fault("The database is locked", "Another program or a long transaction holds it. Retry later")
_BUSY = Fault("All connections to the database are in use", "Retry later")
_UNREADABLE = Fault("The database cannot be opened", "Check the path and the permissions of its file and folder")
_BROKEN = Fault("The disk of the database reports errors", "Look for them in the log of the system")
_DAMAGED = Fault("The database is damaged", "Restore it from a backup")
_AWAY = Fault("The database does not answer", "Retry later")

# Names of SQLite's result codes (https://sqlite.org/rescode.html), of which extended ones begin with these; and
# SQLSTATE of PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_BY_CODE: dict[str, Fault] = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_CANTOPEN": _UNREADABLE,
    "SQLITE_PERM": _UNREADABLE,
    "SQLITE_IOERR_SHMSIZE": _FULL,  # opening a database needs a page of shared memory in a file
    "SQLITE_IOERR": _BROKEN,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "53100": _FULL,
    "25006": _READ_ONLY,
    "40P01": _LOCKED,
    "55P03": _LOCKED,
    "53300": _BUSY,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}


def fault_of(error: BaseException) -> Fault | None:
    """Return the fault that an error of SQLAlchemy stands for; None if it is a mistake of the statement."""
    if isinstance(error, PoolExhausted):
        return _BUSY
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    named = next((fault for prefix, fault in _BY_CODE.items() if code.startswith(prefix)), None)
    if code == "SQLITE_ERROR":  # such as a table that does not exist
        return None
    away = isinstance(error, OperationalError | InterfaceError | DisconnectionError)
    return named or (_AWAY if away else None)


def disk_fault(error: OSError) -> Fault:
    """Return the fault that an error of the file system stands for."""
    return _FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else _BROKEN


def unavailable(message: str, details: str | None = None) -> errors.Unavailable:
    """Return the error for a database that cannot be used now."""
    return errors.Unavailable(message, code=UNAVAILABLE, details=details)
