"""Reasons for an alert: without personal data or keys, and with what to do. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from standpipe_console._kit.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Values that are shorter than any key would also be ordinary words.
_SHORTEST_SECRET = 8
_EMAIL = re.compile(r"[^\s@\"'`<>(),;:]+@[^\s@\"'`<>(),;:]+\.[^\s@\"'`<>(),;:.]+")
#: How `standpipe run` begins and ends a reason. The message already says the first part, and the log is on another
#: machine.
_BEGINNING = re.compile(r"^\S+ (?:failed \(exit code \d+\)|was killed by signal \d+)(?:: |; |$)")
_ENDING = re.compile(r"(?:^|; ?)its log is \S.*$")
#: What to do, by the text of the reason. The first match counts.
_REMEDIES = (
    (re.compile(r"refused the (?:key|token)|Missing config|is not set up"), "Run `standpipe setup`."),
    (re.compile(r"--full-refresh|was killed|run `|\bset `|change `|check `|Run "), ""),  # it says so itself
)
_DEFAULT_REMEDY = "`standpipe doctor` says what to do."


def clean_reason(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a reason as part of a message: one line, no key, no e-mail address; empty when it says nothing.

    Args:
        text: what the run said.
        secrets: values that may never be shown.
    """
    text = _ENDING.sub("", _BEGINNING.sub("", " ".join(text.split())))
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    # The text is shortened last, because half of a key or an address would not be recognised.
    return clean_text(_EMAIL.sub("(an e-mail address)", text)).rstrip(".;: ")


def find_remedy(reason: str) -> str:
    """Return a sentence that says what to do; empty when the reason says it itself."""
    return next((remedy for pattern, remedy in _REMEDIES if pattern.search(reason)), _DEFAULT_REMEDY)


def name_cause(reason: str) -> str:
    """Return a short name of a reason.

    It is the same for two runs that failed in the same way, whatever ids and numbers they mention.
    """
    alike = re.sub(r"\S*\d\S*", "#", reason)
    return hashlib.sha256(alike.encode()).hexdigest()[:12]
