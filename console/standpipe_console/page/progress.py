"""The progress of a run, from the logs of taps and targets and from the journal. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(r"^\S+ +\[\w+ *\] (?P<plugin>\S+) +(?P<text>.*)$")
_READ = re.compile(r"(?:(?P<stream>\w+)[:.]? +)?(?P<records>[\d,]+) records in (?P<pages>[\d,]+) pages")
_STEP = re.compile(r"(?P<what>[A-Z][a-z]+) (?P<stream>\w+): (?P<done>\d+) of (?P<total>\d+)")
_FIGURE = re.compile(r"^(?P<name>calls|records|updated|created) {2,}(?P<value>[\d.]+)$")


@dataclass
class Step:
    """One part of a run: rows that are read, matched or written."""

    name: str
    done: int
    total: int | None = None

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None when the total is not known."""
        return self.done / self.total if self.total else None


@dataclass
class Progress:
    """The progress of a run."""

    steps: dict[str, Step] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    last_line: str = ""


def read_progress(log: Iterable[str]) -> Progress:
    """Return the progress of a run. The last message about a step counts."""
    progress = Progress()
    for line in log:
        match = _LINE.match(line)
        if not match:
            continue
        plugin, text = match["plugin"], match["text"].strip()
        if found := _READ.search(text):
            name = f"Read {found['stream'] or plugin}"
            progress.steps[name] = Step(name, int(found["records"].replace(",", "")))
        elif found := _STEP.search(text):
            name = f"{found['what']} {found['stream']}"
            progress.steps[name] = Step(name, int(found["done"]), int(found["total"]))
        elif found := _FIGURE.match(text):
            progress.figures[found["name"]] = float(found["value"])
        progress.last_line = text
    return progress


def estimate_seconds_left(step: Step, seconds: float) -> float | None:
    """Return the remaining time of a step at its present speed; None if that is unknown."""
    if not step.total or not step.done or step.done >= step.total:
        return None
    return seconds / step.done * (step.total - step.done)
