"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = Literal["pass", "fail", "note"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table. A note is worth knowing, but nothing is wrong."""

    check: str
    result: Result
    what: str
    remedy: str = ""

    @property
    def text(self) -> str:
        """The finding with its remedy below."""
        return f"{self.what}\n-> {self.remedy}" if self.remedy else self.what
