"""``make demo``: the whole pipeline through real Meltano, against a sandbox of its own, in three runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

RUN = ("run", "tap-chargebee", "map", "target-intercom")
FOREIGN = ("TAP_", "TARGET_", "MAP_", "MELTANO")
"""What the demo's environment begins without, so that a real key can never reach it."""
SHOWN = (
    "cb_company_name",
    "cb_cust_status",
    "cb_cust_mrr",
    "cb_cust_unpaid_amt",
    "cb_sub_plan_name",
    "cb_sub_status",
    "cb_sub_next_bill_at",
    "cb_card_expired_at",
    "cb_latest_rec_inv_amt",
    "cb_latest_rec_inv_at",
)
READS_BY_POST = frozenset({"/contacts/search", "/companies/list"})
MEANING = {
    "updated": "matched, and written because something differed",
    "unchanged": "matched, and not written because nothing differed",
    "created": "not known to Intercom, and made there",
    "ambiguous": "several users have this e-mail: never guessed",
    "lead": "only a lead has this e-mail",
    "cancelled": "not known to Intercom, and cancelled",
    "deleted": "not known to Intercom, and deleted in Chargebee",
    "archived": "the match is archived in Intercom",
    "no_match": "not known to Intercom",
    "claimed": "the match belongs to another customer",
    "no_identifier": "no e-mail in Chargebee",
}


@dataclass
class Demo:
    """A sandbox, a Meltano project, and where to tell about them."""

    sandbox: RunningSandbox
    env: dict[str, str]
    folder: Path
    out: Console

    def meltano(self, *args: str) -> None:
        """Run a Meltano command; its log is shown only when it fails.

        Raises:
            SystemExit: the command failed.
        """
        # No .env is read: the demo must not know anybody's keys.
        command = [str(Path(sys.executable).with_name("meltano")), f"--env-file={os.devnull}", *args]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            raise SystemExit(f"`meltano {' '.join(args)}` failed; its log stands above.")

    def sync(self) -> dict[str, Any]:
        """One run of the main job; the target's summary, with the calls that the sandbox counted."""
        before = self.calls()
        started = time.monotonic()
        self.meltano(*RUN)
        summary: dict[str, Any] = json.loads((self.folder / "report/summary.json").read_text())
        after = self.calls()
        return summary | {
            "calls": {kind: after[kind] - before[kind] for kind in after},
            "took": time.monotonic() - started,
        }

    def calls(self) -> dict[str, int]:
        """Calls answered so far: reads of both, writes to Intercom."""
        count = {"chargebee": 0, "reads": 0, "writes": 0}
        for row in self.sandbox.calls()["calls"]:
            read = row["method"] == "GET" or row["path"] in READS_BY_POST
            kind = "chargebee" if row["api"] == "chargebee" else "reads" if read else "writes"
            count[kind] += row["count"]
        return count

    def changes(self) -> list[dict[str, Any]]:
        """What the last run wrote, field by field."""
        return [json.loads(line) for line in (self.folder / "report/changes.jsonl").read_text().splitlines()]

    def contact(self, contact_id: str) -> dict[str, Any]:
        """A contact as Intercom shows it now."""
        connection = HTTPConnection("127.0.0.1", self.sandbox.port)
        connection.request("GET", f"/intercom/contacts/{contact_id}", headers={"Authorization": "Bearer sandbox_token"})
        contact: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return contact


def environment(sandbox: RunningSandbox, folder: Path) -> dict[str, str]:
    """The demo's own keys, addresses, state and reports, and nothing of the caller's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return inherited | {
        "MELTANO_ENVIRONMENT": "demo",
        "MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db",
        "MELTANO_CLI_LOG_FORMAT": "plain",
        "MAP_SUBSCRIPTIONS_STORE_DIR": str(folder / "transforms"),
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": sandbox.chargebee_url,
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": sandbox.intercom_url,
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
        "TARGET_INTERCOM_REPORT_DIR": str(folder / "report"),
    }


def counts_table(summary: dict[str, Any]) -> Table:
    """What became of every customer."""
    table = Table("customers", "became", "because", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    rows = [(kind, "", summary[kind]) for kind in ("updated", "unchanged", "created", "converted")]
    rows += [("skipped", reason, count) for reason, count in summary["skipped"].items()]
    rows += [("rejected", reason, count) for reason, count in summary["rejected"].items()]
    for became, reason, count in rows:
        if count:
            table.add_row(str(count), became, MEANING.get(reason or became, reason))
    return table


def calls_line(summary: dict[str, Any]) -> str:
    """What the run cost, as the sandbox counted it."""
    calls = summary["calls"]
    return f"calls: Chargebee {calls['chargebee']}, Intercom {calls['reads']} reads and {calls['writes']} writes"


def fields_table(before: dict[str, Any], after: dict[str, Any]) -> Table:
    """The attributes of one contact that differ, side by side."""
    table = Table("attribute", "before", "after", box=None, pad_edge=False)
    for name in SHOWN:
        if before.get(name) != after.get(name):
            table.add_row(name, shown(name, before.get(name)), shown(name, after.get(name)))
    return table


def shown(name: str, value: Any) -> str:
    """A value for a person: Intercom's dates are unix seconds."""
    if value is None:
        return "-"
    if name.endswith("_at"):
        return time.strftime("%Y-%m-%d", time.gmtime(value))
    return str(value)


def held(change: dict[str, Any], side: str) -> dict[str, Any]:
    """The custom attributes of a change, before or after, by their own names."""
    return {name.removeprefix("custom_attributes."): values[side] for name, values in change["fields"].items()}


def telling(changes: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The change that says most to a person: of this kind, the one in which most of the shown attributes differ."""

    def told(change: dict[str, Any]) -> tuple[int, int, str]:
        before, after = held(change, "before"), held(change, "after")
        filled = [name for name in SHOWN if after.get(name) is not None]
        return sum(before.get(name) is not None for name in filled), len(filled), change["id"]

    return max((change for change in changes if change["outcome"] == kind), key=told)


def tell_run(demo: Demo, title: str, *, example: bool) -> dict[str, Any]:
    """Run the job, and say what it did and what it cost."""
    demo.out.rule(title, align="left")
    demo.out.print(f"$ meltano {' '.join(RUN)}", highlight=False)
    summary = demo.sync()
    demo.out.print(counts_table(summary))
    demo.out.print(calls_line(summary), highlight=False)
    if example:
        change = telling(demo.changes(), "updated")
        contact = demo.contact(change["intercom_id"])
        demo.out.print(f"\n{contact['name']} <{contact['email']}>, Chargebee customer {change['id']}:", highlight=False)
        demo.out.print(fields_table(held(change, "before"), held(change, "after")))
    demo.out.print()
    return summary


def tell_month(demo: Demo) -> None:
    """Let the business live for thirty days, and say what happened."""
    demo.out.rule("A month passes", align="left")
    happened = demo.sandbox.advance(days=30)["happened"]
    demo.out.print(", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in happened.items()), highlight=False)
    demo.out.print()


def tell(demo: Demo, customers: int) -> None:
    """The demo from beginning to end.

    Raises:
        SystemExit: a run did not do what it promises.
    """
    demo.out.print(f"A sandbox with {customers} Chargebee customers, most of them known to Intercom.", highlight=False)
    demo.out.print("Installing the plugins: meltano install\n", highlight=False)
    demo.meltano("install")
    tell_run(demo, "First run", example=True)
    tell_month(demo)
    tell_run(demo, "Second run: what the month changed", example=True)
    last = tell_run(demo, "Third run: nothing changed", example=False)
    if last["calls"]["writes"]:
        raise SystemExit("The third run wrote to Intercom although nothing had changed.")
    demo.out.print("0 write calls: an unchanged customer costs nothing.", highlight=False)


@click.command()
@click.option("--into", type=click.Path(path_type=Path, exists=True), help="Also put the output into this README.")
@click.option("--keep", is_flag=True, help="Leave the sandbox's pages up until interrupted.")
@click.option("--customers", default=300, show_default=True, help="Size of the simulated business.")
@click.option("--seed", default=7, show_default=True, help="One seed, one business.")
def main(*, into: Path | None, keep: bool, customers: int, seed: int) -> None:
    """Run the whole pipeline against a sandbox and show what it did."""
    folder = Path(tempfile.mkdtemp(prefix="standpipe-demo-"))
    try:
        with RunningSandbox(Settings(customers=customers, seed=seed)) as sandbox:
            out = Console(width=110, record=into is not None)
            tell(Demo(sandbox, environment(sandbox, folder), folder, out), customers)
            if into:
                put_into(into, out.export_text())
            if keep:
                out.print(f"Look at it: {sandbox.url} (Ctrl-C ends it)")
                wait_for_interrupt()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_into(readme: Path, output: str) -> None:
    """Replace what stands between the README's marks."""
    before, begin, rest = readme.read_text().partition("<!-- demo -->\n")
    _, end, after = rest.partition("<!-- /demo -->")
    shown = "\n".join(line.rstrip() for line in output.splitlines())
    readme.write_text(f"{before}{begin}```\n{shown}\n```\n{end}{after}")


def wait_for_interrupt() -> None:
    """Return at Ctrl-C."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
