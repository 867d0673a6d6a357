"""`standpipe status` and `standpipe explain`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from standpipe_console import output
from standpipe_console.checks.explain import explain_customer
from standpipe_console.checks.explain_text import print_explanation
from standpipe_console.checks.live_checks import list_live_sentences, read_live, select_live
from standpipe_console.checks.status import print_status, read_status
from standpipe_console.history import open_history

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_AS_JSON
@click.pass_obj
def status(project: Project, *, as_json: bool) -> None:
    """Show the last runs and the next one, and what to do when a run did not end well."""
    now = datetime.now().astimezone()
    with open_history(project) as history:
        found = [read_status(history, project, pipeline, now) for pipeline in project.ready_pipelines]
    live = read_live(project)
    if as_json:
        output.print_json([one.build_json() | {"live": select_live(live, one.pipeline.job)} for one in found])
        return
    out = output.open_console()
    for one in found:
        print_status(out, one, now)
    if not found:
        out.print("No pipeline is set up: run `meltano invoke standpipe:setup`.")
    for sentence in list_live_sentences(live):
        out.print(sentence, markup=False, soft_wrap=True)


@click.command()
@_AS_JSON
@click.argument("customer_id")
@click.pass_obj
def explain(project: Project, customer_id: str, *, as_json: bool) -> None:
    """Show why Intercom shows what it shows for a customer, by Chargebee's id or by the value it is matched by."""
    explained = explain_customer(project, customer_id)
    if as_json:
        output.print_json(explained)
    else:
        print_explanation(output.open_console(), explained)
