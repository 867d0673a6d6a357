"""`doctor`: a table of everything that a pipeline stands on, with the remedy beside what is wrong."""

from __future__ import annotations

from importlib.metadata import distributions
from typing import TYPE_CHECKING

from standpipe_console.api import vendors
from standpipe_console.checks import access, rules
from standpipe_console.checks.findings import failed, noted, passed
from standpipe_console.checks.rules import effective
from standpipe_console.errors import ConsoleError
from standpipe_console.project import stores
from standpipe_console.project.dry_run import rehearse, schemas_for
from standpipe_console.project.pipelines import PIPELINES, SYNC
from standpipe_console.project.stores import Store
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from standpipe_console.checks.findings import Finding
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


def examine(project: Project) -> Iterator[tuple[str, Finding]]:
    """Every finding, with the job that it is about; empty for the project as a whole."""
    for finding in about_project(project):
        yield "", finding
    for pipeline in PIPELINES:
        if pipeline in project.linked:
            project.learn(pipeline.plugins)
            for check in CHECKS:
                yield from ((pipeline.job, finding) for finding in _safely(check, project, pipeline))
        else:
            yield pipeline.job, noted("set up", "not set up", f"meltano invoke standpipe:setup {pipeline.system}")


def _safely(
    check: Callable[[Project, Pipeline], Iterator[Finding]], project: Project, pipeline: Pipeline
) -> Iterator[Finding]:
    """What a check finds; that it cannot be made is a finding too."""
    try:
        yield from check(project, pipeline)
    except ConsoleError as error:
        yield failed(check.__name__.replace("_", " "), error.message, "see above, and try again")


def about_project(project: Project) -> Iterator[Finding]:
    """What concerns all pipelines: who can read the keys, and whether one is set up at all."""
    if project.is_closed:
        yield passed("files", ".env and .meltano can be read by their owner alone")
    else:
        yield failed("files", "others on this machine can read .env or .meltano", "chmod 600 .env; chmod 700 .meltano")
    if left := leftovers(project):
        names = ", ".join(str(path.relative_to(project.root)) for path in left)
        yield failed("files", f"a killed run left its settings, with keys: {names}", "meltano invoke standpipe:clean")
    if not project.linked:
        yield failed("set up", "no pipeline has its keys", "meltano invoke standpipe:setup")


def leftovers(project: Project) -> list[Path]:
    """The files with settings in clear that a killed Meltano left; while a run is under way, they may be its own."""
    if project.running():
        return []
    return sorted((project.system_dir / "run").glob("*/*.config.json"))


def plugins(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Which versions are installed."""
    yield from rules.versions({plugin: _version(project, plugin) for plugin in pipeline.plugins}, pipeline.plugins)


def _version(project: Project, plugin: str) -> str | None:
    """The version of the distribution in a plugin's own environment that has its executable."""
    kind = project.plugins[plugin]["kind"]
    found = (project.system_dir / kind / plugin / "venv").glob("lib/python*/site-packages")
    for one in distributions(path=[str(path) for path in found]):
        if any(entry.name == plugin and entry.group == "console_scripts" for entry in one.entry_points):
            return one.version
    return None


def keys(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """What the APIs say of the keys."""
    for key in pipeline.keys:
        yield from access.examine(key, project.settings(key.plugin))


def settings(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Whether map and target mean the same."""
    yield from rules.agreements(pipeline, project.settings(pipeline.map), project.settings(pipeline.target))


def rehearsal(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Whether map and target take their settings, and the vendor the attributes: they say it of a made-up record."""
    rows = {pipeline.streams[0]: [dict(pipeline.nobody)]}
    try:
        rehearse(project, pipeline, rows, schemas_for(project, pipeline))
    except ConsoleError as error:
        yield failed("rehearsal", error.message, "see the sentence; nothing was written")
    else:
        yield passed("rehearsal", "map and target take their settings, and no attribute is of another type there")


def money(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """How an amount of a doubtful currency will appear: the map makes it of a real invoice, for a made-up customer."""
    if pipeline.tap != SYNC.tap:
        return
    invoices = vendors.latest_invoices(vendors.chargebee(project.settings(pipeline.tap)))
    for invoice in rules.doubtful_invoices(invoices):
        nobody = {"customer_id": pipeline.nobody["id"], "recurring": True, "status": "paid", "deleted": False}
        rows = {"customers": [dict(pipeline.nobody)], "invoices": [{**invoice, **nobody}]}
        (record,) = rehearse(project, pipeline, rows, schemas_for(project, pipeline)).records
        prefix = effective(pipeline.map, project.settings(pipeline.map), "attribute_prefix")
        shown = record["custom_attributes"][f"{prefix}latest_rec_inv_amt"]
        yield noted(
            "money",
            f"Chargebee's API says {invoice['total']} of invoice {invoice['id']}: in Intercom that is {shown:,.2f} "
            f"{invoice['currency_code']}",
            f"compare with the invoice; if it differs, change {pipeline.map}'s `zero_decimal_currencies`",
        )


def state(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Whether Meltano's state and the map's store belong together."""
    held = stores.state_of(project, pipeline)
    path = stores.store_dir(project, pipeline) / f"{held.store}.sqlite"
    generation = Store(path).generation if held.store and path.exists() else None
    yield rules.in_step(pipeline, held.store, held.generation, generation)


def scheduled(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Whether cron runs it."""
    mine = [one for one in schedules.schedules(project) if one.pipeline == pipeline]
    present = schedules.installed(project)
    for one in mine:
        yield _scheduled(present.get(one.name), schedules.line(project, one), one.name)


def _scheduled(present: str | None, wanted: str, name: str) -> Finding:
    remedy = "meltano invoke standpipe:schedule install"
    if present is None:
        return noted("schedule", f"{name} is not installed: it runs when you run it", remedy)
    if present != wanted:
        return failed("schedule", f"{name} is installed as it was once, not as meltano.yml has it now", remedy)
    if not crontab.is_daemon_running():
        return failed("schedule", f"{name} is installed, but no cron runs on this machine", crontab.START_DAEMON)
    return passed("schedule", f"cron runs {name}")


CHECKS = (plugins, keys, settings, rehearsal, money, state, scheduled)
