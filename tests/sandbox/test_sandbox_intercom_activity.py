"""Intercom's contacts are active while time passes, but keep the fields by which other systems match them."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.settings import Settings
from sandbox.world import World

DAY = 86_400


def lived(days: int, seed: int = 7) -> World:
    """Return a world after some days."""
    world = World(Settings(customers=200, seed=seed))
    world.advance(days * DAY)
    return world


def identities(world: World) -> dict[str, tuple[Any, ...]]:
    """Return the fields by which other systems match each customer's contact, by contact id."""
    return {
        one.id: (one.document["email"], one.document["external_id"], one.document["role"], one.archived)
        for one in world.intercom.contacts.live()
        if not str(one.document["email"] or "").endswith("@visitors.example")
    }


@pytest.fixture(scope="module")
def month() -> World:
    """Return a world after a month."""
    return lived(30)


def test_a_month_brings_something_of_everything(month: World) -> None:
    """In a month, each kind of activity that `advance` counts happens at least once."""
    assert month.intercom_happened.keys() == {
        "contacts edited", "contacts tagged", "notes left", "conversations opened", "conversations answered",
        "tickets opened", "tickets moved", "leads converted", "visitors archived", "visitors come",
    }  # fmt: skip


def test_nobody_known_loses_their_identity(month: World) -> None:
    """A customer's contact keeps its e-mail, external id and role, and is not archived."""
    before, after = identities(World(Settings(customers=200, seed=7))), identities(month)
    assert {one: after[one] for one in before} == before


def test_what_happens_moves_updated_at_within_the_time_that_passed(month: World) -> None:
    """Activity moves `updated_at` forward, never back and never beyond the clock."""
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
    """The same seed and days give the same activity; another seed gives different activity."""

    def state(world: World) -> Any:
        stores = (world.intercom.contacts, world.intercom.conversations, world.intercom.tickets)
        return [one.document for store in stores for one in store.live()]

    assert state(lived(3)) == state(lived(3))
    assert state(lived(3)) != state(lived(3, seed=8))


def test_an_empty_workspace_lives_too() -> None:
    """In a workspace without people, time passes without any activity."""
    world = World(Settings(customers=0))
    world.advance(10 * DAY)
    assert world.intercom_happened == {}
