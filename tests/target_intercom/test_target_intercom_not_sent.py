"""The stream `not_sent`: customers that a map did not send, which the reports list."""

from __future__ import annotations

import io
import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

import pytest
from target_intercom.reporting.not_sent import Totals, describe_not_sent
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Record = Callable[..., dict[str, Any]]

TEXT = {"type": ["string", "null"]}
PROPERTIES = {
    **dict.fromkeys(("customer_id", "reason", "instead_of", "name", "company"), TEXT),
    "mrr": {"type": ["number", "null"]},
}
TOTALS = {"customers": 60, "sent": 57, "not_sent": {"shares_match_value": 2, "replaced": 1}, "unchanged": 0}
ROWS = [
    {"customer_id": "b", "reason": "shares_match_value", "instead_of": "a", "name": "B", "company": "Bee", "mrr": 9.5},
    {"customer_id": "c", "reason": "left_out", "instead_of": None, "name": None, "company": None, "mrr": None},
]
STATE = {"bookmarks": {"customers": {"a": 1}}}


def messages(rows: Iterable[Any], totals: Any = None) -> str:
    """Return the SCHEMA message of the stream, its records, and a STATE."""
    schema = {"type": "object", "properties": PROPERTIES} | ({"x-standpipe-totals": totals} if totals else {})
    lines = [
        {"type": "SCHEMA", "stream": "not_sent", "schema": schema, "key_properties": ["customer_id"]},
        *({"type": "RECORD", "stream": "not_sent", "record": row} for row in rows),
        {"type": "STATE", "value": STATE},
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_customers_that_were_not_sent_are_listed_alone(target: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with only `not_sent` lists the customers, prints STATE and writes nothing to Intercom."""
    TargetIntercom(config=target.config()).listen(io.StringIO(messages(ROWS, TOTALS)))
    assert (target.directory / "not_sent.csv").read_text().splitlines() == [
        "id,reason,instead_of,because,name,company,mrr,source_link",
        'b,shares_match_value,a,"shares its match value with a, which is sent",B,Bee,9.5,',
        "c,left_out,,left out by `only_customers`,,,,",
    ]
    summary = json.loads((target.directory / "summary.json").read_text())
    assert (summary["status"], summary["not_sent"]) == ("completed", {"shares_match_value": 1, "left_out": 1})
    assert summary["totals"] == TOTALS
    assert json.loads(capsys.readouterr().out) == STATE
    assert set(target.calls) == {"GET /me"}


@pytest.mark.parametrize("totals", [None, [], {"customers": "many"}, {"customers": 1}])
def test_totals_in_another_form_are_no_totals(target: Any, totals: Any) -> None:
    """Totals of a wrong type are ignored, and the customers are still listed."""
    TargetIntercom(config=target.config()).listen(io.StringIO(messages(ROWS, totals)))
    assert json.loads((target.directory / "summary.json").read_text())["totals"] == {}
    assert len((target.directory / "not_sent.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("totals", "warnings"),
    [
        ({"customers": 2, "sent": 0, "not_sent": {"shares_match_value": 1, "left_out": 1}}, []),
        ({"customers": 2, "sent": 0, "not_sent": {"shares_match_value": 1, "left_out": 1, "replaced": 0}}, []),
        (
            {"customers": 3, "sent": 0, "not_sent": {"shares_match_value": 1, "left_out": 1}},
            ["The map's totals do not add up: 3 in the source = 0 sent + 1 share + 1 left out."],
        ),
        (
            {"customers": 3, "sent": 1, "not_sent": {"shares_match_value": 1, "left_out": 1}},
            ["The map sent 1 records, and 0 came."],
        ),
        (
            {"customers": 3, "sent": 0, "not_sent": {"shares_match_value": 2, "left_out": 1}},
            ["The map names 3 customers not sent, and 2 came."],
        ),
        (
            {"customers": 2, "sent": 0, "not_sent": {"shares_match_value": 2}},
            ["The map names 2 customers not sent, and 2 came."],
        ),
        (
            {"customers": 9, "sent": 1, "not_sent": {}, "unchanged": 1},
            [
                "The map's totals do not add up: 9 in the source = 1 sent + 1 unchanged, not sent.",
                "The map sent 1 records, and 0 came.",
                "The map names 0 customers not sent, and 2 came.",
            ],
        ),
    ],
    ids=["right", "right with a nought", "sum", "sent", "not sent", "other reasons", "all of it"],
)
@pytest.mark.parametrize("mode", ["sync", "validate"])
def test_totals_that_do_not_come_out(
    target: Any, caplog: pytest.LogCaptureFixture, totals: dict[str, Any], warnings: list[str], mode: str
) -> None:
    """Each of the map's totals that does not agree with the records is a warning, also on a validation's page."""
    TargetIntercom(config=target.config(mode=mode)).listen(io.StringIO(messages(ROWS, totals)))
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == warnings
    if mode == "validate":
        page = (target.directory / "validation.html").read_text()
        assert re.findall('<p class="warning">(.*)</p>', page) == [escape(one) for one in warnings]


@pytest.mark.parametrize("row", [{}, {"customer_id": None, "reason": 7}, {"customer_id": ["a"], "mrr": "much"}])
def test_an_odd_record_stops_nothing(target: Any, row: dict[str, Any]) -> None:
    """A `not_sent` record without an id or a known reason is listed as it is."""
    TargetIntercom(config=target.config()).listen(io.StringIO(messages([row])))
    assert len((target.directory / "not_sent.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("totals", "equation"),
    [
        (
            Totals(6, 3, {"shares_match_value": 2, "replaced": 1}),
            "6 in X = 3 sent + 2 share + 1 replaced",
        ),
        (Totals(2, 1, {"shares_match_value": 1, "left_out": 0}), "2 in X = 1 sent + 1 share"),
        (Totals(5000, 3, {}, 4997), "5,000 in X = 3 sent + 4,997 unchanged, not sent"),
        (Totals(0, 0), "0 in X = 0 sent"),
        (Totals(3, 1, {"odd": 2}), "3 in X = 1 sent + 2 odd"),
    ],
)
def test_totals_as_a_sum(totals: Totals, equation: str) -> None:
    """The totals are written as one equation."""
    assert totals.format_equation("X") == equation


@pytest.mark.parametrize(
    ("record", "because"),
    [
        ({"reason": "shares_match_value", "instead_of": "a"}, "shares its match value with a, which is sent"),
        ({"reason": "replaced", "instead_of": "a"}, "replaced by a, which is sent"),
        ({"reason": "left_out"}, "left out by `only_customers`"),
        ({"reason": "shares_match_value", "instead_of": None}, "shares its match value with another, which is sent"),
        ({"reason": "{odd}"}, "{odd}"),
        ({}, "unknown"),
    ],
)
def test_why_a_customer_was_not_sent(record: dict[str, Any], because: str) -> None:
    """Every known reason is explained in words; an unknown one is shown as it is."""
    assert describe_not_sent(record) == because
