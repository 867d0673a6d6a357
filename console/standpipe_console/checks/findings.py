"""What a check finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Result = Literal["pass", "fail", "note"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table; a note is nothing wrong, but worth knowing."""

    check: str
    result: Result
    what: str
    remedy: str = ""

    @property
    def told(self) -> str:
        """The finding, and below it the remedy."""
        return f"{self.what}\n-> {self.remedy}" if self.remedy else self.what

    def as_dict(self) -> Mapping[str, str]:
        """Give it as JSON."""
        return asdict(self)


def passed(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, "pass", what)


def failed(check: str, what: str, remedy: str) -> Finding:
    """Something is wrong."""
    return Finding(check, "fail", what, remedy)


def noted(check: str, what: str, remedy: str = "") -> Finding:
    """Nothing is wrong."""
    return Finding(check, "note", what, remedy)
