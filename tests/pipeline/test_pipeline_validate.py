"""The dry run through real Meltano, and customers as companies instead of users."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Intercom, Project

TABLES = ("matched", "unmatched", "ambiguous", "not_reached", "not_sent")

pytestmark = pytest.mark.pipeline


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_validation_writes_reports_and_nothing_else(project: Project, intercom: Intercom) -> None:
    """The job `validate` can be repeated. It reads everything and writes reports and one page, but no data or state."""
    for _ in range(2):
        ran = project.meltano("run", "validate")
        assert ran.code == 0, ran.log
    folder = project.root / "output/target-intercom-validate"
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["mode"], summary["status"]) == ("validate", "completed")
    records = ran.of("map-subscriptions", "RECORD")
    assert summary["records"] == sum(record["stream"] == "contacts" for record in records) == 58
    listed = [line["id"] for name in TABLES for line in read_rows(folder / f"{name}.csv")]
    assert sorted(listed) == sorted(record["record"]["customer_id"] for record in records)
    page = (folder / "validation.html").read_text()
    assert "Nothing was written to Intercom" in page
    assert "59 in Chargebee = 58 sent + 1 share" in page
    assert f'<a href="https://sandbox.chargebee.com/d/customers/{listed[0]}">{listed[0]}</a>' in page
    assert "would create 33 attributes" in ran.log
    assert intercom.writes() == 0
    assert ran.of("target-intercom-validate", "STATE") == []
    assert project.state() == {}
    assert project.stores() == []


def test_customers_become_companies(project: Project, intercom: Intercom) -> None:
    """With a company id in a field of the customer, the target finds or creates companies in Intercom."""
    env = {"MAP_SUBSCRIPTIONS_MATCH_ON": "company_id", "MAP_SUBSCRIPTIONS_COMPANY_ID_FIELD": "cf_company_id"}
    assert project.sync(**env).code == 0
    assert project.summary()["updated"] > 0
    assert intercom.writes() > 0
    before = intercom.writes()
    again = project.sync(**env)
    assert again.code == 0, again.log
    assert intercom.writes() == before
