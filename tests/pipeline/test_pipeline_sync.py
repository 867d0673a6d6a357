"""The main job through real Meltano: Chargebee (sandbox) → map → Intercom (sandbox)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline
OBJECT_ATTRIBUTES = {
    **dict.fromkeys(("plan", "items", "status", "currency", "interval", "cancel_reason"), "string"),
    **dict.fromkeys(("quantity", "mrr"), "float"),
    **dict.fromkeys(("trial_end_at", "term_end_at", "next_bill_at", "cancelled_at"), "date"),
}


def test_a_first_run_says_the_same_at_every_seam(project: Project, intercom: Intercom) -> None:
    """Rows, marker and generation pass between the plugins as documented, and STATE comes last."""
    ran = project.sync()
    assert ran.code == 0, ran.log

    rows = dict.fromkeys(("customers", "subscriptions", "invoices"), 0)
    for message in ran.of("tap-chargebee", "RECORD"):
        rows[message["stream"]] += 1
    assert min(rows.values()) > 0
    assert any("card" in m["record"] for m in ran.of("tap-chargebee", "RECORD") if m["stream"] == "customers")
    marker = ran.of("tap-chargebee", "STATE")[-1]["value"]["bookmarks"]["_sync"]
    completed_at = marker.pop("completed_at")
    assert isinstance(completed_at, int)
    names = "customers,invoices,subscriptions"
    counted = ",".join(f"{stream}:{count}" for stream, count in sorted(rows.items()))
    assert marker == {"streams": names, "from": None, "subset": 0, "whole": names, "rows": counted}

    assert [m["stream"] for m in ran.of("map-subscriptions", "SCHEMA")] == ["contacts", "not_sent"]
    assert ran.of("map-subscriptions", "SCHEMA")[0]["key_properties"] == ["customer_id"]
    sent = [m["record"]["customer_id"] for m in ran.of("map-subscriptions", "RECORD") if m["stream"] == "contacts"]
    assert len(sent) == len(set(sent)) > 0
    kinds = [(m["type"], m.get("stream")) for m in ran.messages["map-subscriptions"]]
    read = {m["record"]["id"] for m in ran.of("tap-chargebee", "RECORD") if m["stream"] == "customers"}
    others = len(read) - len(sent)
    assert kinds == [
        *[("SCHEMA", "contacts"), *[("RECORD", "contacts")] * len(sent)],
        *[("SCHEMA", "not_sent"), *[("RECORD", "not_sent")] * others],
        ("STATE", None),
    ]
    (state,) = ran.of("map-subscriptions", "STATE")
    (store,) = project.stores()
    assert state["value"]["bookmarks"]["_map"] == {"store": store.stem, "gen": 1}
    assert project.state() == state["value"]

    assert set(intercom.linked()) <= set(sent)
    assert len(intercom.linked()) == project.summary()["updated"] + project.summary()["created"]


def test_the_second_run_starts_from_what_the_first_confirmed(synced: Project) -> None:
    """The tap first repeats the map's generation without the old marker, then reads what changed."""
    before = synced.state()
    ran = synced.sync()
    assert ran.code == 0, ran.log

    first = ran.messages["tap-chargebee"][0]
    bookmarks = dict(before["bookmarks"])
    bookmarks.pop("_sync")
    assert first == {"type": "STATE", "value": {"bookmarks": bookmarks}}
    assert synced.state()["bookmarks"]["_map"]["gen"] == 2
    assert len(synced.stores()) == 1


def test_nothing_is_written_when_nothing_changed(synced: Project, sandbox: RunningSandbox, intercom: Intercom) -> None:
    """A run without changes writes nothing. After a month it writes only what changed."""
    first = intercom.writes()
    assert synced.sync().code == 0
    assert intercom.writes() == first

    sandbox.advance(days=30)
    ran = synced.sync()
    assert ran.code == 0, ran.log
    month = synced.summary()
    assert 0 < month["updated"] < first
    assert month["unchanged"] > 0
    assert intercom.writes() - first >= month["updated"] + month["created"]

    after_month = intercom.writes()
    assert synced.sync().code == 0
    assert intercom.writes() == after_month


def test_the_job_does_what_the_spelt_out_run_does(synced: Project, intercom: Intercom) -> None:
    """`meltano run sync` does the same as `meltano run tap-chargebee map target-intercom`, with the same state."""
    before = intercom.writes()
    ran = synced.meltano("run", "sync")
    assert ran.code == 0, ran.log
    assert intercom.writes() == before
    assert synced.state()["bookmarks"]["_map"]["gen"] == 2


def test_a_contact_edited_by_hand_is_put_right(synced: Project, intercom: Intercom) -> None:
    """After the next run, an attribute that somebody changed in Intercom has Chargebee's value again."""
    contact = next(iter(intercom.linked().values()))
    truth = contact["custom_attributes"]
    edited = {"cb_cust_mrr": 987654.0, "cb_sub_status": "edited"}
    path = f"/contacts/{contact['id']}"
    assert intercom.ask("PUT", path, json={"custom_attributes": edited}).status_code == 200

    assert synced.sync().code == 0
    assert synced.summary()["updated"] == 1
    assert intercom.ask("GET", path).json()["custom_attributes"] == truth


@pytest.mark.parametrize(("on_no_match", "created"), [("create", 1), ("skip", 0)])
def test_a_deleted_contact_is_treated_as_the_settings_say(
    on_no_match: str, created: int, synced: Project, intercom: Intercom
) -> None:
    """A contact that was deleted in Intercom is created once or skipped. The run never fails."""
    customer_id, contact = next(
        (key, c) for key, c in intercom.linked().items() if c["custom_attributes"]["cb_sub_status"] == "active"
    )
    assert intercom.ask("DELETE", f"/contacts/{contact['id']}").status_code == 200

    ran = synced.sync(TARGET_INTERCOM_ON_NO_MATCH=on_no_match)
    assert ran.code == 0, ran.log
    assert synced.summary()["created"] == created
    assert (customer_id in intercom.linked()) is bool(created)


def test_full_refresh_begins_a_new_store(synced: Project, intercom: Intercom) -> None:
    """`--full-refresh` reads everything again, but writes nothing that Intercom already has."""
    before = intercom.writes()
    ran = synced.meltano("run", "--full-refresh", "tap-chargebee", "map", "target-intercom")
    assert ran.code == 0, ran.log
    assert intercom.writes() == before
    assert len(synced.stores()) == 2
    assert synced.sync().code == 0


def test_a_lost_store_is_refused_with_the_remedy(synced: Project, sandbox: RunningSandbox, intercom: Intercom) -> None:
    """If the store in STATE is missing, the run ends before it sends anything, and says what to do."""
    state, before = synced.state(), intercom.writes()
    synced.stores()[0].unlink()
    sandbox.advance(days=30)

    ran = synced.sync()
    assert ran.code != 0
    assert ran.said("--full-refresh")
    assert ran.messages.get("map-subscriptions", []) == []
    assert (synced.state(), intercom.writes()) == (state, before)

    ran = synced.meltano("run", "--full-refresh", "tap-chargebee", "map", "target-intercom")
    assert ran.code == 0, ran.log


def test_an_older_copy_of_the_store_is_refused_with_the_remedy(
    synced: Project, sandbox: RunningSandbox, intercom: Intercom
) -> None:
    """A store from a backup lacks changes that the tap will not send again, so the run refuses it."""
    (store,) = synced.stores()
    copy = store.with_suffix(".copy")
    shutil.copy(store, copy)
    sandbox.advance(days=30)
    assert synced.sync().code == 0
    state, before = synced.state(), intercom.writes()
    copy.replace(store)

    ran = synced.sync()
    assert ran.code != 0
    assert ran.said("--full-refresh")
    assert (synced.state(), intercom.writes()) == (state, before)


@pytest.mark.parametrize(
    ("variable", "setting"),
    [("TAP_CHARGEBEE_API_KEY", "api_key"), ("TARGET_INTERCOM_ACCESS_TOKEN", "access_token")],
)
def test_a_wrong_key_ends_in_one_sentence(variable: str, setting: str, project: Project, intercom: Intercom) -> None:
    """The error names the setting and does not show the key. There is no traceback, no write and no state."""
    ran = project.sync(**{variable: "wrong-key-123"})
    assert ran.code != 0
    assert ran.said(setting)
    assert not ran.said("Traceback (most recent call last)")
    assert not ran.said("wrong-key-123")
    assert intercom.writes() == 0
    assert project.state() == {}


def test_every_subscription_is_shown_as_a_custom_object(project: Project, sandbox: RunningSandbox) -> None:
    """With `subscription_objects` a run writes each subscription and has the contacts refer to them."""
    sandbox.object_type("Subscription", OBJECT_ATTRIBUTES, reference="cb_subscriptions")
    done = project.sync(MAP_SUBSCRIPTIONS_SUBSCRIPTION_OBJECTS="Subscription")
    sent = done.of("map-subscriptions", "RECORD")
    keys = {one["record"]["subscription_id"] for one in sent if one["stream"] == "subscription_objects"}
    summary = project.summary()
    assert summary["objects_saved"] + sum(summary["objects_skipped"].values()) == len(keys) > 20
    assert len(sandbox.world.intercom.custom_objects.types["Subscription"].instances) == summary["objects_saved"]
