"""What happens to documents while time passes, as a table: some are edited, created or deleted."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from sandbox.business.documents.drawing import Draw, NothingToDrawFromError, write_document
from sandbox.business.documents.kinds import KINDS
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.parts import Business


def live(business: Business, seconds: int) -> None:
    """Simulate what happens to all documents in the seconds (at most a day) that have just passed.

    Each kind has a seed of its own, so that adding or removing a kind does not change the others.
    """
    for name, kind in KINDS.items():
        random = Random(f"{business.settings.seed}:{name}:{business.clock.now()}")
        for rate, act, possible in (
            (0.3, _correct, "updated_at" in kind.stamps),
            (0.3, _write, kind.growing),
            (0.05, _delete, kind.growing),
        ):
            if random.random() < rate * seconds / DAY and possible:
                act(business, name, random)


def _correct(business: Business, name: str, random: Random) -> None:
    table = business.table(name)
    if there := [document for document in table.records if not document.deleted]:
        table.change(random.choice(there), business.clock.now())


def _write(business: Business, name: str, _: Random) -> None:
    table, now = business.table(name), business.clock.now()
    try:
        document = write_document(Draw(business, name, now), len(table.records))
    except NothingToDrawFromError:
        return
    table.append(document, now)


def _delete(business: Business, name: str, random: Random) -> None:
    table = business.table(name)
    if there := [document for document in table.records if not document.deleted]:
        table.change(random.choice(there), business.clock.now(), deleted=True)
