"""Errors that a user reads as one sentence. Only a bug of the program shows a traceback."""

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
from .rate_limit import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LOGGER = logging.getLogger(__name__.partition(".")[0].replace("_", "-"))
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO})
TOO_MANY_FILES = frozenset({errno.EMFILE, errno.ENFILE})
RUN_AGAIN = "no STATE was written, so the next run starts from the same point."


class UserError(click.ClickException):
    """A sentence that tells the user what to do. It is logged as an error, with exit code 1 and no traceback."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 the log is where a runner looks
        """Log the sentence."""
        LOGGER.error("%s", self.message)


def raise_problems(problems: Iterable[str]) -> None:
    """Raise all problems together, if there are any.

    Raises:
        UserError: there is at least one problem.
    """
    if text := " ".join(problems):
        raise UserError(text)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn errors from the machine, the SDK or a setting into one sentence.

    Raises:
        UserError: in place of an error that :func:`describe_error` knows.
    """
    try:
        yield
    except Exception as error:
        if (text := describe_error(error)) is None:
            raise
        raise UserError(text) from error


def describe_error(error: Exception) -> str | None:
    """Return the sentence for the user in place of a traceback; None for a bug of the program."""
    texts = (describe(error) for kind, describe in SENTENCES if isinstance(error, kind))
    return next(filter(None, texts), None) or _describe_expression_error(error)


def _describe_runtime_error(error: Any) -> str | None:
    # Any other RuntimeError is a bug of the program, and its traceback helps to find it.
    if "can't start new thread" not in str(error):
        return None
    return f"The system cannot start more threads: lower `max_concurrency`, or raise the limit; {RUN_AGAIN}"


def _describe_database_error(error: Any) -> str | None:
    text = str(error)
    if "disk is full" in text:
        return f"The disk for temporary files is full: free some space, or set TMPDIR to another folder; {RUN_AGAIN}"
    if any(words in text for words in ("unable to open database file", "disk I/O error", "readonly database")):
        return f"Temporary files cannot be written: set TMPDIR to a folder that can be written to; {RUN_AGAIN}"
    return None


def _describe_os_error(error: Any) -> str | None:
    # An error about an open file contains no file name.
    where = error.filename or "temporary files"
    if error.errno in NO_ROOM:
        return f"The disk is full: {where} cannot be written ({error.strerror}); free some space; {RUN_AGAIN}"
    if error.errno in NOT_WRITABLE:
        return f"The system denies access to {where} ({error.strerror}): check its permissions; {RUN_AGAIN}"
    if error.errno in TOO_MANY_FILES:
        return f"Too many files and connections are open: lower `max_concurrency`, or raise the limit; {RUN_AGAIN}"
    return None


def _describe_expression_error(error: Exception) -> str | None:
    """Describe an expression that fails for a record. The error's own text may contain data of the record."""
    if not any(frame.f_globals.get("__name__") == "singer_sdk.mapper" for frame, _ in walk_tb(error.__traceback__)):
        return None
    return f"An expression of the setting `stream_maps` fails for a record ({type(error).__name__}): correct it."


SENTENCES: tuple[tuple[type[Exception], Callable[[Any], str | None]], ...] = (
    # These texts are meant for users. They name settings, streams and expressions, never a record.
    (ConfigurationError, str),
    (FatalAPIError, str),
    (OrphanedError, str),
    (LimitError, str),
    (RecordsWithoutSchemaException, str),
    (MapExpressionError, "The setting `stream_maps` cannot be used: {}".format),
    (StreamMapConfigError, "The setting `stream_maps` cannot be used: {}".format),
    (MemoryError, f"The process ran out of memory: lower `max_concurrency`, or give it more; {RUN_AGAIN}".format),
    (RuntimeError, _describe_runtime_error),
    (sqlite3.OperationalError, _describe_database_error),
    (
        BrokenPipeError,
        f"The next program of the pipeline stopped reading before the end: look at its log; {RUN_AGAIN}".format,
    ),
    (OSError, _describe_os_error),
)
"""The sentences by kind of error. The first row that matches and has a sentence decides."""
