"""What happens to documents while time passes, as a table: some are corrected, some are written, some go."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import Draw, NothingToDrawFromError, write
from sandbox.business.documents.kinds import KINDS
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.documents.drawing import Kind
    from sandbox.business.parts import Business

GROWING = frozenset(
    {
        "comments",
        "coupons",
        "credit_notes",
        "hosted_pages",
        "orders",
        "promotional_credits",
        "quotes",
        "unbilled_charges",
        "usages",
    }
)
"""The kinds of which new ones are written, and old ones go."""


def live(business: Business, seconds: int) -> None:
    """Let happen to every kind what happens in the seconds (at most a day) that have just passed.

    Each kind is drawn from a seed of its own, so that no kind more or less changes what happens to the others.
    """
    for name, kind in KINDS.items():
        random = Random(f"{business.settings.seed}:{name}:{business.clock.now()}")
        for rate, act in _RATES:
            if random.random() < rate * seconds / DAY:
                act(business, name, kind, random)


def _correct(business: Business, name: str, kind: Kind, random: Random) -> None:
    table = business.table(name)
    there = [document for document in table.records if not document.deleted]
    if there and "updated_at" in kind.stamps:
        table.change(random.choice(there), business.clock.now())


def _write(business: Business, name: str, kind: Kind, _: Random) -> None:
    if name not in GROWING:
        return
    table = business.table(name)
    draw = Draw(business, name, business.clock.now())
    try:
        document = write(draw, kind, len(table.records))
    except NothingToDrawFromError:
        return
    table.append(document, business.clock.now())


def _remove(business: Business, name: str, _: Kind, random: Random) -> None:
    table = business.table(name)
    there = [document for document in table.records if not document.deleted]
    if there and name in GROWING:
        table.change(random.choice(there), business.clock.now(), deleted=True)


_RATES: tuple[tuple[float, Callable[[Business, str, Kind, Random], Any]], ...] = (
    (0.3, _correct),
    (0.3, _write),
    (0.05, _remove),
)
"""How often a day, and what."""
