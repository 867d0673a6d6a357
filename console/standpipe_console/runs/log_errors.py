"""The sentence that ended a run, in Meltano's log of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ERROR = re.compile(r"^\S+ +\[(?:error|critical) *\] (?P<plugin>\S+) +(?P<text>\S.*)$")
#: What Meltano logs after the error that ended the run.
_END = ("Run invocation could not be completed", "Block run", "Failed to run", "Extractor", "Loader", "Mapper")
#: What Meltano logs after the error of a plugin that did not start: the whole command, and a part of the log.
_NOT_STARTED = "Cannot start plugin"


def find_last_error(log: Iterable[str]) -> str:
    """Return the sentence that ended a run; empty when the log has none."""
    errors = [match["text"] for line in log if (match := _ERROR.match(line))]
    causes = [text for text in errors if not text.startswith(_END)]
    said_by_plugins = [text for text in causes if not text.startswith(_NOT_STARTED)]
    return (said_by_plugins or causes or errors or [""])[-1]
