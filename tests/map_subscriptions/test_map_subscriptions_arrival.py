"""The map checks that all records arrived, because a `stream_maps` or another mapper may drop or rename some."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from map_stores import ON_BOTH
from standpipe_maps._kit.errors import UserError
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.map_subscriptions.conftest import Lines, Mapper

pytestmark = ON_BOTH
TAP = Path(sys.executable).with_name("tap-chargebee")
STARTED = 1768478000
"""When the tap began to read, in unix seconds."""
CUSTOMERS = [{"id": f"c{number}", "email": f"{number}@x.io", "created_at": 1700000000} for number in range(2)]
SUBSCRIPTION = {"id": "s1", "customer_id": "c1", "status": "active", "mrr": 900, "created_at": 1700000000}
INVOICE = {"id": "i1", "customer_id": "c1", "status": "paid", "date": 1700000000, "updated_at": 1700000000}
ROWS = {"customers": CUSTOMERS, "subscriptions": [SUBSCRIPTION], "invoices": [INVOICE]}
NAMES = "customers,invoices,subscriptions"
WHOLE = {"whole": NAMES, "rows": "customers:2,invoices:1,subscriptions:1"}


def say(lines: Lines, rows: dict[str, list[dict[str, Any]]], /, **marker: Any) -> list[str]:
    """Return a run of a tap that read two customers, a subscription and an invoice; only these rows arrive."""
    found = []
    for stream, records in rows.items():
        found += [lines.schema(stream), *(lines.record(stream, one) for one in records)]
    read_at = {"customers": {"replication_key": "updated_at", "read_at": STARTED}}
    return [*found, lines.state({**lines.marker, **WHOLE, **marker}, **read_at)]


NEVER = "The tap read the stream {}, which the join needs, but it never reached the map: `stream_maps` of the tap"
FEWER = "The tap read {} records of the stream {}, and {} reached the map: .* or name {} in `accept_filtered`"
LOSSES: list[tuple[str, dict[str, Any], str]] = [
    ("no customers", {"customers": None}, NEVER.format("customers")),
    ("no subscriptions", {"subscriptions": None}, NEVER.format("subscriptions")),
    ("no invoices", {"invoices": None}, NEVER.format("invoices")),
    ("a customer fewer", {"customers": CUSTOMERS[:1]}, FEWER.format(2, "customers", 1, "customers")),
    ("no row of subscriptions", {"subscriptions": []}, FEWER.format(1, "subscriptions", 0, "subscriptions")),
    ("no row of invoices", {"invoices": []}, FEWER.format(1, "invoices", 0, "invoices")),
]


@pytest.mark.parametrize(("change", "sentence"), [row[1:] for row in LOSSES], ids=[row[0] for row in LOSSES])
def test_what_the_tap_read_must_arrive(change: dict[str, Any], sentence: str, mapper: Mapper, lines: Lines) -> None:
    """A needed stream that did not arrive, or not completely, is refused, and no store is left behind."""
    rows = {name: records for name, records in {**ROWS, **change}.items() if records is not None}
    with pytest.raises(UserError, match=sentence):
        mapper.feed(say(lines, rows))
    assert mapper.stores == []


def test_all_that_the_tap_read(mapper: Mapper, lines: Lines) -> None:
    """When all records arrived, the map sends, even when another mapper repeated some."""
    assert mapper.feed(say(lines, ROWS)).customers == {"c0", "c1"}
    assert mapper.feed(say(lines, {**ROWS, "customers": [*CUSTOMERS, *CUSTOMERS]})).customers == {"c0", "c1"}


@pytest.mark.parametrize("rows", [{**ROWS, "invoices": []}, {**ROWS, "customers": CUSTOMERS[1:]}])
def test_what_is_filtered_on_purpose(rows: dict[str, Any], mapper: Mapper, lines: Lines) -> None:
    """A stream in `accept_filtered` may be incomplete."""
    (name,) = [name for name, records in rows.items() if len(records) < len(ROWS[name])]
    sent = mapper.feed(say(lines, rows), accept_filtered=[name])
    assert sent.customers == {one["id"] for one in rows["customers"]}


def test_a_stream_that_cannot_be_filtered(mapper: Mapper, lines: Lines) -> None:
    """`accept_filtered` refuses a name that is not a stream of the map."""
    done = mapper.command(say(lines, ROWS), accept_filtered=["costumers"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "`accept_filtered` must be a JSON list, each one of `customers`, `events`, `invoices`" in done.stderr


ORPHANS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("an old subscription", {"subscriptions": {**SUBSCRIPTION, "customer_id": "c9"}}, {}, True),
    ("an old invoice", {"invoices": {**INVOICE, "customer_id": "c9"}}, {}, True),
    ("a deleted one", {"subscriptions": {**SUBSCRIPTION, "customer_id": "c9", "deleted": True}}, {}, False),
    (
        "a young subscription",
        {"subscriptions": {**SUBSCRIPTION, "customer_id": "c9", "created_at": STARTED}},
        {},
        False,
    ),
    ("a young invoice", {"invoices": {**INVOICE, "customer_id": "c9", "updated_at": STARTED}}, {}, False),
    ("a run over what changed", {"invoices": {**INVOICE, "customer_id": "c9"}}, {"whole": "invoices"}, False),
]


@pytest.mark.parametrize(("change", "marker", "refused"), [row[1:] for row in ORPHANS], ids=[row[0] for row in ORPHANS])
def test_a_customer_who_must_have_come(
    *, change: dict[str, Any], marker: dict[str, Any], refused: bool, mapper: Mapper, lines: Lines
) -> None:
    """After a complete read, an older record of an unknown customer is refused; a younger one waits."""
    rows = {**ROWS, **{name: [record] for name, record in change.items()}}
    if refused:
        with pytest.raises(
            UserError, match=r"^1 of 3 customers that other records belong to did not arrive, such as c9:"
        ):
            mapper.feed(say(lines, rows, **marker))
        assert mapper.stores == []
    else:
        assert mapper.feed(say(lines, rows, **marker)).customers == {"c0", "c1"}


SHARES = [
    ("none of few", 998, 1, {}, False),
    ("one of a thousand", 999, 1, {}, True),
    ("two of a thousand", 998, 2, {}, False),
    ("two of a thousand, allowed", 998, 2, {"max_missing": 0.002}, True),
    ("of few none, whatever is allowed", 900, 2, {"max_missing": 0.5}, False),
]


@pytest.mark.parametrize(
    ("known", "missing", "settings", "sent"), [row[1:] for row in SHARES], ids=[row[0] for row in SHARES]
)
def test_how_many_may_be_missing(  # noqa: PLR0913 one row of the table, and what runs it
    *, known: int, missing: int, settings: dict[str, Any], sent: bool, mapper: Mapper, lines: Lines
) -> None:
    """One thousandth of at least a thousand customers may be missing, unless `max_missing` says otherwise."""
    customers = [{**CUSTOMERS[0], "id": f"c{number}", "email": f"{number}@x.io"} for number in range(known)]
    orphans = [{**SUBSCRIPTION, "id": f"s{number}", "customer_id": f"gone{number}"} for number in range(missing)]
    rows = {"customers": customers, "subscriptions": orphans, "invoices": []}
    counts = f"customers:{known},invoices:0,subscriptions:{missing}"
    if sent:
        assert len(mapper.feed(say(lines, rows, rows=counts), **settings).customers) == known
    else:
        with pytest.raises(UserError, match=rf"^{missing} of {known + missing} customers .* raise `max_missing`"):
            mapper.feed(say(lines, rows, rows=counts), **settings)


MAPS: list[tuple[str, dict[str, Any], str]] = [
    ("renamed", {"subscriptions": {"__alias__": "subs"}}, "stream subscriptions, .* never reached the map"),
    ("dropped", {"invoices": None}, "stream invoices, .* never reached the map"),
    ("filtered", {"customers": {"__filter__": "record['id'] == ''"}}, "of the stream customers, and 0 reached the map"),
]


@pytest.mark.parametrize(("stream_maps", "sentence"), [row[1:] for row in MAPS], ids=[row[0] for row in MAPS])
def test_stream_maps_of_the_tap(
    stream_maps: dict[str, Any], sentence: str, sandbox: RunningSandbox, mapper: Mapper, tmp_path: Path
) -> None:
    """Streams that the tap itself drops, renames or filters are refused, instead of giving every customer MRR 0."""
    sandbox.reset(customers=5, seed=7)
    settings = {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url}
    (tmp_path / "tap.json").write_text(json.dumps({**settings, "stream_maps": stream_maps}))
    done = run_command([TAP, "--config", tmp_path / "tap.json"], check=True)
    with pytest.raises(UserError, match=sentence):
        mapper.feed(done.stdout.splitlines(keepends=True))
    assert mapper.stores == []
