"""How a catalog selects streams and properties of tap-chargebee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_chargebee.tap import TapChargebee

if TYPE_CHECKING:
    from collections.abc import Callable

    Records = dict[str, list[dict[str, Any]]]


JOIN = {"customers", "invoices", "subscriptions"}


@pytest.fixture
def catalog() -> dict[str, Any]:
    """Return the discovered catalog, with the three streams of a join selected."""
    catalog = TapChargebee(config={}, validate_config=False).catalog_dict
    for entry in catalog["streams"]:
        metadata(catalog, entry["tap_stream_id"])["selected"] = entry["tap_stream_id"] in JOIN
    return catalog


def metadata(catalog: dict[str, Any], stream: str, *breadcrumb: str) -> dict[str, Any]:
    """Return the metadata of a stream or of one of its properties."""
    (entry,) = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream]
    (found,) = [one["metadata"] for one in entry["metadata"] if list(one["breadcrumb"]) == list(breadcrumb)]
    assert isinstance(found, dict)
    return found


def test_a_deselected_stream_is_not_read(
    run_tap: Callable[..., Any], catalog: dict[str, Any], calls: Callable[[], dict[str, int]]
) -> None:
    """A deselected stream costs no call, and the marker does not name it."""
    metadata(catalog, "invoices")["selected"] = False
    run = run_tap(catalog=catalog)
    assert run.records.keys() == {"customers", "subscriptions"}
    assert run.states[-1]["_sync"]["streams"] == "customers,subscriptions"
    assert calls() == {"/configurations": 1, "/customers": 1, "/subscriptions": 1}


def test_a_deselected_property_is_left_out(run_tap: Callable[..., Any], catalog: dict[str, Any]) -> None:
    """A deselected property is left out.

    The bookmark is right even without its replication key, and custom fields stay.
    """
    whole = run_tap()
    metadata(catalog, "customers", "properties", "email")["selected"] = False
    metadata(catalog, "customers", "properties", "updated_at")["inclusion"] = "available"
    metadata(catalog, "customers", "properties", "updated_at")["selected"] = False
    run = run_tap(catalog=catalog)
    assert not any({"email", "updated_at"} & record.keys() for record in run.records["customers"])
    assert any("cf_tier" in record for record in run.records["customers"])
    assert run.states[-1] == whole.states[-1]


def test_a_full_table_uses_and_moves_no_bookmark(
    run_tap: Callable[..., Any], truth: Callable[..., Records], catalog: dict[str, Any]
) -> None:
    """A stream with FULL_TABLE replication is read whole in each run, and its bookmark stays as it was."""
    metadata(catalog, "customers")["forced-replication-method"] = "FULL_TABLE"
    (entry,) = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == "customers"]
    entry["replication_method"] = "FULL_TABLE"
    old = {"replication_key": "updated_at", "replication_key_value": 1_768_000_000}
    run = run_tap(catalog=catalog, state={"bookmarks": {"customers": old}})
    assert run.records["customers"] == truth()["customers"]
    assert run.states[-1]["customers"] == old


def test_an_unknown_stream_is_refused(run_tap: Callable[..., Any], catalog: dict[str, Any]) -> None:
    """A catalog with an unknown stream is refused before the first message, with the closest name."""
    catalog["streams"].append(catalog["streams"][0] | {"tap_stream_id": "custmers", "stream": "custmers"})
    run = run_tap(catalog=catalog)
    assert run.messages == []
    assert run.refusal == "The catalog lists the stream `custmers`, which does not exist: did you mean `customers`?"
