"""The demo from beginning to end: three rounds of both pipelines, with a month between the first two."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

from standpipe_demo.project import Demo, environment
from standpipe_demo.tables import (
    SHOWN,
    calls_line,
    fields_table,
    held,
    leads_table,
    outcomes_table,
    values_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from standpipe_demo.project import Ran

BILLING = ("tap-chargebee", "map", "target-intercom")
LEADS = ("tap-intercom", "leads", "target-chartmogul")


def telling(changes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The update that says most to a person: the one in which most of the shown attributes differ."""

    def told(change: Mapping[str, Any]) -> tuple[int, int, str]:
        before, after = held(change, "before"), held(change, "after")
        filled = [name for name in SHOWN if after.get(name) is not None]
        return sum(before.get(name) is not None for name in filled), len(filled), change["id"]

    return max((change for change in changes if change["outcome"] == "updated"), key=told)


def tell_billing(demo: Demo, *, example: bool) -> int:
    """Run the main job, say what it did and what it cost, and give the calls that wrote."""
    demo.out.print(f"$ meltano run {' '.join(BILLING)}", highlight=False)
    ran = demo.run(BILLING, BILLING[-1])
    demo.out.print(outcomes_table(ran.summary))
    demo.out.print(calls_line(ran, ("chargebee", "intercom")), highlight=False)
    if example:
        change = telling(ran.changes)
        contact = demo.get("intercom", f"contacts/{change['intercom_id']}")
        demo.out.print(f"\n{contact['name']} <{contact['email']}>, Chargebee customer {change['id']}:", highlight=False)
        demo.out.print(fields_table(change))
    demo.out.print()
    return ran.writes()


def tell_leads(demo: Demo, *, example: bool) -> int:
    """Run the leads' job, say what it did and what it cost, and give the calls that wrote."""
    demo.out.print(f"$ meltano run {' '.join(LEADS)}", highlight=False)
    ran = demo.run(LEADS, LEADS[-1])
    if ran.summary["records"]:
        demo.out.print(leads_table(ran.summary["streams"]))
    else:
        demo.out.print("no lead has changed", highlight=False)
    demo.out.print(calls_line(ran, ("intercom", "chartmogul")), highlight=False)
    if example:
        tell_lead(demo, ran)
    demo.out.print()
    return ran.writes()


def tell_lead(demo: Demo, ran: Ran) -> None:
    """Show the created customer of which most is known, as ChartMogul has it."""
    created = [one for one in ran.changes if one["stream"] == "customers" and one["outcome"] == "created"]
    lead = max(created, key=lambda change: (len(change["fields"]), change["id"]))
    customer = demo.get("chartmogul/v1", f"customers/{lead['uuid']}")
    people = demo.get("chartmogul/v1", f"customers/{lead['uuid']}/contacts")["entries"]
    demo.out.print(f"\n{customer['name']}, Intercom company {lead['id']}:", highlight=False)
    demo.out.print(values_table(lead_values(customer, people)))


def lead_values(customer: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """What ChartMogul holds of a lead."""
    for name in ("status", "email", "website_url", "lead_created_at"):
        yield name, customer[name]
    yield from sorted(customer["attributes"]["custom"].items())
    yield "contacts", ", ".join(f"{one['first_name']} {one['last_name']} <{one['email']}>" for one in people)


def tell_month(demo: Demo) -> None:
    """Let the business live for thirty days, and say what happened."""
    demo.out.rule("A month passes", align="left")
    happened = demo.sandbox.advance(days=30)["happened"]
    demo.out.print(", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in happened.items()), highlight=False)
    demo.out.print()


def tell_round(demo: Demo, title: str, *, example: bool) -> int:
    """Run both pipelines, and give the calls that wrote."""
    demo.out.rule(title, align="left")
    return tell_billing(demo, example=example) + tell_leads(demo, example=example)


def tell(demo: Demo, customers: int) -> None:
    """The demo from beginning to end.

    Raises:
        SystemExit: a run did not do what it promises.
    """
    demo.out.print(f"A sandbox with {customers} Chargebee customers, most of them known to Intercom.", highlight=False)
    demo.out.print("Installing the plugins: meltano install\n", highlight=False)
    demo.install()
    tell_round(demo, "First runs", example=True)
    tell_month(demo)
    tell_round(demo, "Second runs: what the month changed", example=True)
    if tell_round(demo, "Third runs: nothing changed", example=False):
        raise SystemExit("The third runs wrote although nothing had changed.")
    demo.out.print("0 write calls: what has not changed costs nothing.", highlight=False)


@click.command()
@click.option("--into", type=click.Path(path_type=Path, exists=True), help="Also put the output into this page.")
@click.option("--keep", is_flag=True, help="Leave the sandbox's pages up until interrupted.")
@click.option("--customers", default=300, show_default=True, help="Size of the simulated business.")
@click.option("--seed", default=7, show_default=True, help="One seed, one business.")
def main(*, into: Path | None, keep: bool, customers: int, seed: int) -> None:
    """Run both pipelines against a sandbox and show what they did."""
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


def put_into(page: Path, output: str) -> None:
    """Replace what stands between the marks of a page."""
    before, begin, rest = page.read_text().partition("<!-- demo -->\n")
    _, end, after = rest.partition("<!-- /demo -->")
    shown = "\n".join(line.rstrip() for line in output.splitlines())
    page.write_text(f"{before}{begin}```\n{shown}\n```\n{end}{after}")


def wait_for_interrupt() -> None:
    """Return at Ctrl-C."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
