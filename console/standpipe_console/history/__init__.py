"""The history of runs: a database into which the targets' journals are loaded. Pages, alerts and undo read it.

A target writes a journal while it works. The console loads journals into the history at the start and at the end of
`standpipe run`, and whenever a command opens the history, so that a bare `meltano run` is known, too.
"""

from standpipe_console._kit.journal_lines import FieldChange

from .rows import (
    AlertRow,
    ChangeRow,
    Page,
    PauseRow,
    RecordGroup,
    RecordRow,
    RejectRow,
    RunRow,
)
from .store import History, open_history

__all__ = [
    "AlertRow",
    "ChangeRow",
    "FieldChange",
    "History",
    "Page",
    "PauseRow",
    "RecordGroup",
    "RecordRow",
    "RejectRow",
    "RunRow",
    "open_history",
]
