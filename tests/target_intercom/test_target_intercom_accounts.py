"""In every month, each of Chargebee's customers is in the run's lists once, as Intercom then shows it.

The test reads only the files and the sandbox. ACCOUNTS_CUSTOMERS and ACCOUNTS_MONTHS widen it: `make ledger` takes
600 customers through twelve months.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

COMMANDS = Path(sys.executable).parent
CUSTOMERS = int(os.environ.get("ACCOUNTS_CUSTOMERS", "120"))
MONTHS = int(os.environ.get("ACCOUNTS_MONTHS", "3"))
LISTS = ("matched", "unmatched", "ambiguous", "not_reached", "not_sent")
WRITTEN = {"updated", "unchanged", "created", "converted"}


@dataclass
class Pipeline:
    """tap-chargebee, map-subscriptions and target-intercom, each reading the output of the one before."""

    sandbox: RunningSandbox
    folder: Path
    settings: dict[str, dict[str, Any]]

    def run(self) -> None:
        """Run all three, and keep the state."""
        state = self.folder / "state.json"
        text = self._call("tap-chargebee", "", *(["--state", str(state)] if state.exists() else []))
        text = self._call("target-intercom", self._call("map-subscriptions", text))
        if text:
            state.write_text(text.splitlines()[-1])

    def _call(self, command: str, text: str, *options: str) -> str:
        config = self.folder / f"{command}.json"
        config.write_text(json.dumps(self.settings[command]))
        line = [str(COMMANDS / command), "--config", str(config), *options]
        done = run_command(line, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read_lists(self) -> list[dict[str, str]]:
        """Return the lines of all lists of customers."""
        lines = []
        for name in LISTS:
            with (self.folder / "reports" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                lines += [{"list": name, "outcome": "", **line} for line in csv.DictReader(file)]
        return lines

    def read_changes(self) -> list[dict[str, Any]]:
        """Return the lines of the reported writes."""
        return [json.loads(line) for line in (self.folder / "reports" / "changes.jsonl").read_text().splitlines()]


@pytest.fixture(params=["resend all", "resend changed"])
def pipeline(request: pytest.FixtureRequest, sandbox: RunningSandbox, tmp_path: Path) -> Pipeline:
    """Return the three commands with a newly seeded business."""
    sandbox.reset(customers=CUSTOMERS, seed=11)
    settings = {
        "tap-chargebee": {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url},
        "map-subscriptions": {
            "store_dir": str(tmp_path / "stores"),
            "report_not_sent": True,
            "resend": request.param.removeprefix("resend "),
        },
        "target-intercom": {
            "access_token": "sandbox_token",
            "api_url": sandbox.intercom_url,
            "report_dir": str(tmp_path / "reports"),
            "on_no_match": "create",
            "on_moved": "clear",
        },
    }
    return Pipeline(sandbox, tmp_path, settings)


def read_contacts(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    """Return Intercom's live contacts by their ids."""
    return {one.document["id"]: one.document for one in sandbox.world.intercom.contacts.live()}


def find_links(contacts: dict[str, dict[str, Any]]) -> set[str]:
    """Return the customer ids that contacts in Intercom are linked to."""
    links = (one["custom_attributes"].get("cb_cust_id") for one in contacts.values())
    return {link for link in links if link}


def check_line(line: dict[str, str], contacts: dict[str, dict[str, Any]]) -> None:
    """Compare a list's line about a customer with Intercom."""
    linked = [key for key, one in contacts.items() if one["custom_attributes"].get("cb_cust_id") == line["id"]]
    if line["outcome"] in WRITTEN:
        assert linked == [line["intercom_id"]], line
        held = contacts[line["intercom_id"]]["custom_attributes"]
        assert (f"{held['cb_cust_mrr']}", held.get("cb_company_name") or "") == (line["mrr"], line["company"]), line
        assert (line["outcome"] == "created") <= held["cb_created_by"], line
    elif line["reason"] in {"no_match", "cancelled", "deleted"}:
        users = [one for one in contacts.values() if one["role"] == "user"]
        assert linked == [], line
        assert line["value"].lower() not in {(one["email"] or "").lower() for one in users}, line
    elif line["reason"] == "ambiguous":
        assert len(line["intercom_ids"].split()) > 1, line


def test_every_customer_of_every_month(pipeline: Pipeline) -> None:
    """The lists miss no customer in months of renewals, failures, sign-ups, deletions and shared addresses."""
    sandbox, seen = pipeline.sandbox, Counter[str]()
    for month in range(MONTHS + 1):
        if month:
            sandbox.advance(days=30)
        pipeline.run()
        everybody = {one.id for one in sandbox.world.business.tables()["customers"].records}
        lines, contacts = pipeline.read_lists(), read_contacts(sandbox)
        totals = json.loads((pipeline.folder / "reports" / "summary.json").read_text())["totals"]
        listed = Counter(line["id"] for line in lines)
        assert (totals["customers"], listed.most_common(1)[0][1]) == (len(everybody), 1)
        assert set(listed) <= everybody
        assert len(everybody - set(listed)) == totals["unchanged"]
        for line in lines:
            check_line(line, contacts)
        assert find_links(contacts) - everybody == set()
        unwritten = {line["id"] for line in lines if line["outcome"] == "rejected" or line["list"] == "not_sent"}
        written = {line["id"] for line in lines if line["outcome"] in WRITTEN}
        # A linked customer was written in this run, is listed as not written, or is unchanged and in no list.
        assert find_links(contacts) <= written | unwritten | (everybody - set(listed))
        assert sum(totals["not_sent"].values()) == sum(line["list"] == "not_sent" for line in lines)
        assert totals["sent"] == sum(line["list"] != "not_sent" for line in lines)
        for change in pipeline.read_changes():
            held = contacts[change["intercom_id"]]["custom_attributes"]
            for name, values in change["fields"].items():
                if name.startswith("custom_attributes."):
                    assert held.get(name.removeprefix("custom_attributes.")) == values["after"], change
        seen.update(line["outcome"] or line["reason"] for line in lines)
    assert {"updated", "created", "skipped", "shares_match_value"} <= set(seen)
