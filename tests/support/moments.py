"""A fault at the nth call of a function of the program that runs in this process."""

from __future__ import annotations

import os
import resource
import signal
from itertools import count
from pkgutil import resolve_name
from typing import Any


def write_break(*moment: Any) -> str:
    """Return the code that calls `break_at`, for the process of a command."""
    return f"import moments\nmoments.break_at{moment!r}"


def break_at(place: str, name: str, nth: int, act: str, limit: int) -> None:
    """Kill the process at a call, let files grow no further from then on, or break its connection to the database.

    Args:
        place: the module or class of the function, as `package.module:name`.
        name: the function's name.
        nth: the call, from 1.
        act: "kill"; "cut", when a write beyond the limit kills the process; "full", when it fails; or "disconnect".
        limit: the greatest size of a file, in bytes.
    """
    if act == "full":
        write_log_elsewhere()
    owner = resolve_name(place)
    function, calls = getattr(owner, name), count(1)

    def break_or_call(*arguments: Any) -> Any:
        if next(calls) == nth:
            break_now(act, limit)
        return function(*arguments)

    setattr(owner, name, break_or_call)


def break_now(act: str, limit: int) -> None:
    """Do what `break_at` says."""
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "disconnect":
        import psycopg  # noqa: PLC0415 - not every machine has it

        with psycopg.connect(os.environ["TEST_STORE_URL"]) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    else:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if act == "cut" else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def write_log_elsewhere() -> None:
    """Go on in a child whose log this process writes, because the child will be able to write to no file."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with os.fdopen(reader, "rb") as log:
            os.write(2, log.read())
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status))
    os.dup2(writer, 2)
