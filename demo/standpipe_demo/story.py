"""The demo from beginning to end: three rounds of both pipelines, with a month between the first two."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

from standpipe_demo.project import Demo, build_environment
from standpipe_demo.tables import (
    SHOWN_ATTRIBUTES,
    build_changes_table,
    build_leads_table,
    build_outcomes_table,
    build_values_table,
    describe_calls,
    read_attributes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from standpipe_demo.project import JsonObject, PipelineRun

BILLING = ("tap-chargebee", "map", "target-intercom")
LEADS = ("tap-intercom", "leads", "target-chartmogul")


def run_story(demo: Demo, customers: int) -> None:
    """Show the demo from beginning to end.

    Raises:
        SystemExit: a run did not do what it promises.
    """
    demo.out.print(f"A sandbox with {customers} Chargebee customers, most of them known to Intercom.", highlight=False)
    demo.out.print("Installing the plugins: meltano install\n", highlight=False)
    demo.install_plugins()
    run_round(demo, "First runs", with_example=True)
    show_month(demo)
    run_round(demo, "Second runs: what the month changed", with_example=True)
    if run_round(demo, "Third runs: nothing changed", with_example=False):
        raise SystemExit("The third runs wrote although nothing had changed.")
    demo.out.print("0 write calls: what has not changed costs nothing.", highlight=False)


def run_round(demo: Demo, title: str, *, with_example: bool) -> int:
    """Run both pipelines, and return the number of writing calls."""
    demo.out.rule(title, align="left")
    return run_billing(demo, with_example=with_example) + run_leads(demo, with_example=with_example)


def run_billing(demo: Demo, *, with_example: bool) -> int:
    """Run the main pipeline, show its results and calls, and return the number of writing calls."""
    demo.out.print(f"$ meltano run {' '.join(BILLING)}", highlight=False)
    run = demo.run_pipeline(BILLING, BILLING[-1])
    demo.out.print(build_outcomes_table(run.summary))
    demo.out.print(describe_calls(run, ("chargebee", "intercom")), highlight=False)
    if with_example:
        change = find_best_example(run.changes)
        contact = demo.fetch_record("intercom", f"contacts/{change['intercom_id']}")
        demo.out.print(f"\n{contact['name']} <{contact['email']}>, Chargebee customer {change['id']}:", highlight=False)
        demo.out.print(build_changes_table(change))
    demo.out.print()
    return run.count_writes()


def find_best_example(changes: Sequence[JsonObject]) -> JsonObject:
    """Return the update with the most changed values among the shown attributes."""

    def rank(change: JsonObject) -> tuple[int, int, str]:
        before, after = read_attributes(change, "before"), read_attributes(change, "after")
        filled = [name for name in SHOWN_ATTRIBUTES if after.get(name) is not None]
        # Comparing ids makes the choice the same in every demo.
        return sum(before.get(name) is not None for name in filled), len(filled), change["id"]

    return max((change for change in changes if change["outcome"] == "updated"), key=rank)


def run_leads(demo: Demo, *, with_example: bool) -> int:
    """Run the leads' pipeline, show its results and calls, and return the number of writing calls."""
    demo.out.print(f"$ meltano run {' '.join(LEADS)}", highlight=False)
    run = demo.run_pipeline(LEADS, LEADS[-1])
    if run.summary["records"]:
        demo.out.print(build_leads_table(run.summary["streams"]))
    else:
        demo.out.print("no lead has changed", highlight=False)
    demo.out.print(describe_calls(run, ("intercom", "chartmogul")), highlight=False)
    if with_example:
        show_lead(demo, run)
    demo.out.print()
    return run.count_writes()


def show_lead(demo: Demo, run: PipelineRun) -> None:
    """Show the created customer with the most fields, as ChartMogul has it."""
    created = [one for one in run.changes if one["stream"] == "customers" and one["outcome"] == "created"]
    lead = max(created, key=lambda change: (len(change["fields"]), change["id"]))
    customer = demo.fetch_record("chartmogul/v1", f"customers/{lead['uuid']}")
    people = demo.fetch_record("chartmogul/v1", f"customers/{lead['uuid']}/contacts")["entries"]
    demo.out.print(f"\n{customer['name']}, Intercom company {lead['id']}:", highlight=False)
    demo.out.print(build_values_table(list_lead_values(customer, people)))


def list_lead_values(customer: JsonObject, people: Sequence[JsonObject]) -> Iterator[tuple[str, object]]:
    """Yield ChartMogul's values of a lead."""
    for name in ("status", "email", "website_url", "lead_created_at"):
        yield name, customer[name]
    yield from sorted(customer["attributes"]["custom"].items())
    # They are written in parallel, so their order in ChartMogul differs between runs.
    yield "contacts", ", ".join(sorted(f"{one['first_name']} {one['last_name']} <{one['email']}>" for one in people))


def show_month(demo: Demo) -> None:
    """Let thirty days pass in the sandbox, and show what happened."""
    demo.out.rule("A month passes", align="left")
    happened = demo.sandbox.advance(days=30)["happened"]
    demo.out.print(", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in happened.items()), highlight=False)
    demo.out.print()


@click.command()
@click.option("--into", type=click.Path(path_type=Path, exists=True), help="Also write the output into this document.")
@click.option("--keep", is_flag=True, help="Keep the sandbox's pages up until Ctrl-C.")
@click.option("--customers", default=300, show_default=True, help="Size of the simulated business.")
@click.option("--seed", default=7, show_default=True, help="The same seed makes the same business.")
def main(*, into: Path | None, keep: bool, customers: int, seed: int) -> None:
    """Run both pipelines against a sandbox and show what they did."""
    folder = Path(tempfile.mkdtemp(prefix="standpipe-demo-"))
    try:
        with RunningSandbox(Settings(customers=customers, seed=seed)) as sandbox:
            out = Console(width=110, record=into is not None)
            run_story(Demo(sandbox, build_environment(sandbox, folder), folder, out), customers)
            if into:
                write_output(into, out.export_text())
            if keep:
                out.print(f"Look at it: {sandbox.url} (Ctrl-C ends it)")
                wait_for_interrupt()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_output(document: Path, output: str) -> None:
    """Replace the text between the document's marks."""
    before, begin, rest = document.read_text().partition("<!-- demo -->\n")
    _, end, after = rest.partition("<!-- /demo -->")
    shown = "\n".join(line.rstrip() for line in output.splitlines())
    document.write_text(f"{before}{begin}```\n{shown}\n```\n{end}{after}")


def wait_for_interrupt() -> None:
    """Wait for Ctrl-C."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
