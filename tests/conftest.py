"""The sandbox that every test of a plugin speaks to."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import settings
from postgres import start_server
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from shared_statements import share_statements

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# Hypothesis has no deadline, as `make bench` measures times and tests do not.
settings.register_profile("standpipe", deadline=None)
settings.load_profile("standpipe")
settings.register_profile("thorough", deadline=None, max_examples=2200)
"""For fuzzing at length; what has no number of examples of its own takes it from the profile."""

#: A `crontab` command with its table in a file, so that no test touches the user's own crontab.
CRONTAB = """#!/bin/sh
case "$1" in
  -l) [ -e "$CRONTAB_TABLE" ] || { echo "${CRONTAB_WORDS-no crontab for nobody}" >&2; exit 1; }; cat "$CRONTAB_TABLE";;
  -r) rm "$CRONTAB_TABLE";;
  -) cat > "$CRONTAB_TABLE";;
esac
"""
SLOW = frozenset(Path(__file__).with_name("slow.txt").read_text(encoding="utf-8").splitlines()[1:])
LONGEST = ("tests/pipeline/test_pipeline_console.py", "tests/whole_or_none/")
_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Put this command before the real one on the PATH of all tests, and let their processes write bytecode."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="crontab-"))
    (folder / "crontab").write_text(CRONTAB)
    (folder / "crontab").chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
    os.environ["CRONTAB_TABLE"] = str(folder / "table")
    share_statements()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no vendor's client only to leave out the tests that use it."""
    return True if collection_path.name == "conformance" and "not conformance" in config.option.markexpr else None


def pytest_collection() -> None:
    """Keep the garbage collector from looking through thousands of tests while they are being collected."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that slow.txt names, by their folder, file or name; put the longest files first."""
    # Begun last, such a file would be all that one of the workers still runs, while the others have nothing to do.
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        name, _, _ = item.nodeid.partition("[")
        file, _, _ = name.partition("::")
        folder, _, _ = file.rpartition("/")
        if not SLOW.isdisjoint((folder, file, name)):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Nor is it to look through them again while they run, or through the little that most tests make."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Remove where a command that a test ran in this process logs to, as that stream is closed after the test."""
    log = logging.getLogger()
    handlers = log.handlers[:]
    try:
        return (yield)
    finally:
        log.handlers[:] = handlers


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(config.stash[_FOLDER])


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[RunningSandbox]:
    """One server for the whole run: starting it once is all that is shared."""
    with RunningSandbox(Settings(customers=60)) as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox: RunningSandbox) -> RunningSandbox:
    """Return the sandbox of sixty customers as new: no calls counted, no faults, the clock at its start."""
    running_sandbox.reset(customers=60, seed=7)
    return running_sandbox


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the address of a PostgreSQL server; a test that asks for it carries the mark `needs_postgres`."""
    with start_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """Yield the address of a database for this process only, as SQLAlchemy has it."""
    url = sa.make_url(postgres_server).set(drivername="postgresql+psycopg")
    name = f"standpipe_test_{os.getpid()}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()
