"""Errors that a user reads as one sentence; only a fault of the program itself shows a traceback."""

from __future__ import annotations

import errno
import logging
import sqlite3
from contextlib import contextmanager
from traceback import walk_tb
from typing import IO, TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    MapExpressionError,
    RecordsWithoutSchemaException,
    StreamMapConfigError,
)

from .parent import OrphanedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LOGGER = logging.getLogger(__name__.partition(".")[0].replace("_", "-"))
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO})
TOO_MANY_FILES = frozenset({errno.EMFILE, errno.ENFILE})
RUN_AGAIN = "no STATE was written, so the next run starts from the same point."


class UserError(click.ClickException):
    """One sentence that tells the user what to do: logged as an error, exit code 1, no traceback."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 the log is where a runner looks
        """Log the sentence."""
        LOGGER.error("%s", self.message)


def raise_problems(problems: Iterable[str]) -> None:
    """Raise all problems together, when there are any.

    Raises:
        UserError: there is at least one problem.
    """
    if text := " ".join(problems):
        raise UserError(text)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn what the machine, the SDK or a setting may do to a run into one sentence.

    Raises:
        UserError: instead of an error that :func:`describe_error` knows.
    """
    try:
        yield
    except Exception as error:
        if (text := describe_error(error)) is None:
            raise
        raise UserError(text) from error


def describe_error(error: Exception) -> str | None:
    """Return the sentence that a user reads instead of a traceback; None for a fault of the program itself."""
    texts = (describe(error) for kind, describe in SENTENCES if isinstance(error, kind))
    return next(filter(None, texts), None) or _describe_expression_error(error)


def _describe_runtime_error(error: Any) -> str | None:
    # Any other RuntimeError is a fault of the program, whose traceback helps to find it.
    if "can't start new thread" not in str(error):
        return None
    return f"The system starts no more threads: lower `max_concurrency`, or raise the limit; {RUN_AGAIN}"


def _describe_database_error(error: Any) -> str | None:
    text = str(error)
    if "disk is full" in text:
        return f"There is no room left for temporary files: make room, or set TMPDIR to another folder; {RUN_AGAIN}"
    if any(words in text for words in ("unable to open database file", "disk I/O error", "readonly database")):
        return f"Temporary files cannot be written: set TMPDIR to a folder that can be written to; {RUN_AGAIN}"
    return None


def _describe_os_error(error: Any) -> str | None:
    # An error of a file that is open already carries no name.
    where = error.filename or "temporary files"
    if error.errno in NO_ROOM:
        return f"There is no room left for {where} ({error.strerror}): make room; {RUN_AGAIN}"
    if error.errno in NOT_WRITABLE:
        return f"The system refuses {where} ({error.strerror}): check its permissions; {RUN_AGAIN}"
    if error.errno in TOO_MANY_FILES:
        return f"Too many files and connections are open: lower `max_concurrency`, or raise the limit; {RUN_AGAIN}"
    return None


def _describe_expression_error(error: Exception) -> str | None:
    """Describe the failure of an expression for a record; the error's own text may contain data of the record."""
    if not any(frame.f_globals.get("__name__") == "singer_sdk.mapper" for frame, _ in walk_tb(error.__traceback__)):
        return None
    return f"An expression of the setting `stream_maps` fails for a record ({type(error).__name__}): correct it."


SENTENCES: tuple[tuple[type[Exception], Callable[[Any], str | None]], ...] = (
    # Their texts are written for users and name settings, streams and expressions, never a record.
    (ConfigurationError, str),
    (FatalAPIError, str),
    (OrphanedError, str),
    (RecordsWithoutSchemaException, str),
    (MapExpressionError, "The setting `stream_maps` cannot be used: {}".format),
    (StreamMapConfigError, "The setting `stream_maps` cannot be used: {}".format),
    (MemoryError, f"The memory is used up: lower `max_concurrency`, or give the process more; {RUN_AGAIN}".format),
    (RuntimeError, _describe_runtime_error),
    (sqlite3.OperationalError, _describe_database_error),
    (
        BrokenPipeError,
        f"The next program of the pipeline stopped reading before the end: look at its log; {RUN_AGAIN}".format,
    ),
    (OSError, _describe_os_error),
)
"""What a user reads, by the kind of an error: the first row that fits and has a sentence. Nothing else decides."""
