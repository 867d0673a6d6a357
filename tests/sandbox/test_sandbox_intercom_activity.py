"""People live in Intercom while time passes, and what another system matched stays matched."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.settings import Settings
from sandbox.world import World

DAY = 86_400


def lived(days: int, seed: int = 7) -> World:
    """Return a world some days on, a day at a time."""
    world = World(Settings(customers=200, seed=seed))
    world.advance(days * DAY)
    return world


def identities(world: World) -> dict[str, tuple[Any, ...]]:
    """Return what customers' records are matched by, by id."""
    return {
        one.id: (one.document["email"], one.document["external_id"], one.document["role"], one.archived)
        for one in world.intercom.contacts.live()
        if not str(one.document["email"] or "").endswith("@visitors.example")
    }


@pytest.fixture(scope="module")
def month() -> World:
    """Return a month on."""
    return lived(30)


def test_a_month_brings_something_of_everything(month: World) -> None:
    """As the answer of `advance` tells."""
    assert month.intercom_happened.keys() == {
        "contacts edited", "contacts tagged", "notes left", "conversations opened", "conversations answered",
        "tickets opened", "tickets moved", "leads converted", "visitors archived", "visitors come",
    }  # fmt: skip


def test_nobody_known_loses_their_identity(month: World) -> None:
    """E-mail, external id, role and standing of each customer's contact are what they were."""
    before, after = identities(World(Settings(customers=200, seed=7))), identities(month)
    assert {one: after[one] for one in before} == before


def test_what_happens_moves_updated_at_within_the_time_that_passed(month: World) -> None:
    """Never back, never ahead."""
    start, now = month.clock.now() - 30 * DAY, month.clock.now()
    old = {one.id: one.document["updated_at"] for one in World(Settings(customers=200)).intercom.contacts.live()}
    contacts = list(month.intercom.contacts.live())
    moved = [one.document["updated_at"] for one in contacts if one.document["updated_at"] > start]
    assert len(moved) > 40
    assert max(moved) <= now
    assert all(one.document["updated_at"] >= old.get(one.id, 0) for one in contacts)
    for thread in month.intercom.conversations.live():
        assert [part.at for part in thread.parts] == sorted(part.at for part in thread.parts)
        assert thread.document["updated_at"] >= max((part.at for part in thread.parts), default=0)


def test_one_seed_lives_one_life() -> None:
    """The same days bring the same, another seed something else."""

    def state(world: World) -> Any:
        stores = (world.intercom.contacts, world.intercom.conversations, world.intercom.tickets)
        return [one.document for store in stores for one in store.live()]

    assert state(lived(3)) == state(lived(3))
    assert state(lived(3)) != state(lived(3, seed=8))


def test_an_empty_workspace_lives_too() -> None:
    """Nothing happens in it that needs people."""
    world = World(Settings(customers=0))
    world.advance(10 * DAY)
    assert world.intercom_happened == {}
