"""`doctor`: checks everything that a pipeline needs, and says how to correct what is wrong."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import distributions
from typing import TYPE_CHECKING
from urllib.parse import quote

from standpipe_console.api import vendors
from standpipe_console.api.client import REFUSED
from standpipe_console.checks import rules
from standpipe_console.checks.access import check_key
from standpipe_console.checks.alert_checks import check_alerts
from standpipe_console.checks.findings import Finding
from standpipe_console.checks.live_checks import check_live
from standpipe_console.errors import ConsoleError
from standpipe_console.project.dry_run import dry_run_rows
from standpipe_console.project.meltano import LIST_SCHEDULES, build_settings_command
from standpipe_console.project.pipelines import PIPELINES, SYNC
from standpipe_console.project.stores import build_state_command, list_stores, read_state
from standpipe_console.runs.meltano_database import check_database_user
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


def run_checks(project: Project) -> Iterator[tuple[str, Finding]]:
    """Yield every finding with its job; the job is empty for the project as a whole."""
    for finding in check_project(project):
        yield "", finding
    ready = project.ready_pipelines
    project.run_ahead(
        [
            *(build_settings_command(plugin) for pipeline in ready for plugin in pipeline.plugins),
            *(build_state_command(pipeline.build_state_id(project.environment)) for pipeline in ready),
            LIST_SCHEDULES,
        ]
    )
    for pipeline in PIPELINES:
        if pipeline not in ready:
            remedy = f"meltano invoke standpipe:setup {pipeline.system}"
            yield pipeline.job, Finding("set up", "note", "not set up", remedy)
            continue
        project.load_settings(pipeline.plugins)
        for check, function in CHECKS.items():
            try:
                yield from ((pipeline.job, finding) for finding in function(project, pipeline))
            except ConsoleError as error:
                # An impossible check is a finding too, and the other checks go on.
                yield pipeline.job, Finding(check, "fail", error.message, "correct this, and run doctor again")


def check_project(project: Project) -> Iterator[Finding]:
    """Yield who can read the keys, and whether any pipeline is set up."""
    if project.is_protected:
        yield Finding("files", "pass", "only their owner can read .env and .meltano")
    else:
        what = "other users of this machine can read .env or .meltano"
        yield Finding("files", "fail", what, "chmod 600 .env; chmod 700 .meltano")
    if leftovers := project.find_leftovers():
        names = ", ".join(str(path.relative_to(project.root)) for path in leftovers)
        what = f"a killed run left files with its settings and keys: {names}"
        yield Finding("files", "fail", what, "meltano invoke standpipe:clean")
    try:
        check_database_user(project)
    except ConsoleError as error:
        yield Finding("Meltano's database", "fail", error.message, "correct the address, and run doctor again")
    if not project.ready_pipelines:
        yield Finding("set up", "fail", "no pipeline has its keys", "meltano invoke standpipe:setup")
    yield from check_alerts(project)
    yield from check_live(project)


def check_plugins(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield the installed versions."""
    yield from rules.check_versions(
        {plugin: _find_version(project, plugin) for plugin in pipeline.plugins}, pipeline.plugins
    )


def _find_version(project: Project, plugin: str) -> str | None:
    """Return the version of a plugin's distribution in the plugin's own environment."""
    folders = project.find_venv(plugin).glob("lib/python*/site-packages")
    for one in distributions(path=[str(path) for path in folders]):
        if any(entry.name == plugin and entry.group == "console_scripts" for entry in one.entry_points):
            return one.version
    return None


def check_keys(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield the APIs' facts about the keys."""
    project.load_facts(key.plugin for key in pipeline.keys)
    for key in pipeline.keys:
        yield from check_key(key, project.get_settings(key.plugin), project.get_facts(key.plugin))


def check_settings(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield whether the target expects what the map sends."""
    project.load_facts([pipeline.map, pipeline.target])
    of_map, of_target = (project.get_effective_settings(plugin) for plugin in (pipeline.map, pipeline.target))
    yield from rules.compare_settings(pipeline, of_map, of_target)
    yield from rules.check_filter(pipeline, of_map, of_target)


def check_moments(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Check whether the tap reads the events that become moments."""
    chosen = project.get_effective_settings(pipeline.map).get("moments")
    if not chosen:
        return
    selected = project.plugins[pipeline.tap].get("select") or []
    if any(str(rule).startswith(("events.", "*")) for rule in selected):
        what = f"{len(chosen)} moments are chosen; the token must write events, which only the first event shows"
        yield Finding("moments", "pass", what)
    else:
        what = f"`moments` are chosen, and {pipeline.tap} does not read the stream `events`"
        yield Finding("moments", "fail", what, f"add `- events.*` to `select` of {pipeline.tap} in meltano.yml")


def check_objects(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield whether Intercom has the custom object that shows the subscriptions, and what to create if not."""
    of_map = project.get_effective_settings(pipeline.map)
    name = of_map.get("subscription_objects")
    if not name:
        return
    project.load_facts([pipeline.map, pipeline.target])
    facts = project.get_facts(pipeline.map).facts
    fields = ", ".join(f"{one.name} ({one.type})" for one in facts.object_attributes)
    reference = f"{of_map['attribute_prefix']}subscriptions"
    create = (
        f"in Intercom, Settings > Data: the custom object {name} with the attributes {fields}; and under People the "
        f"attribute {reference} that references several {name}"
    )
    api = vendors.CONNECT["intercom"](project.get_settings(pipeline.target), project.get_facts(pipeline.target))
    answer = api.get(f"/custom_object_instances/{quote(name, safe='')}?external_id=none")
    # Of an unknown instance the refusal names the instance, and of an unknown type the type.
    if answer.status == HTTPStatus.NOT_FOUND and "type" in answer.reason:
        yield Finding("custom objects", "fail", f"Intercom has no custom object {name}", create)
    elif answer.status in REFUSED:
        what = f"the token may not read the custom object {name}"
        yield Finding("custom objects", "fail", what, "give it the permission in Intercom's Developer Hub")
    else:
        yield Finding("custom objects", "pass", f"Intercom has {name}; the first write shows whether it has {fields}")


def check_environments(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield whether other environments with keys of their own write to the same workspace of Intercom."""
    if pipeline.target != SYNC.target:
        return
    defaults = project.get_facts(pipeline.target).defaults
    own, *others = [
        rules.Writer(
            one.environment,
            one.get_variable("TARGET_INTERCOM_ACCESS_TOKEN") or "",
            one.get_variable("TARGET_INTERCOM_OWNED_PREFIX") or defaults["owned_prefix"],
            one.get_variable("TARGET_INTERCOM_ON_MATCH") or defaults["on_match"],
        )
        for one in (project, *project.list_others_with_keys())
    ]
    if own.token:
        yield from rules.check_shared_workspace(own, others)


def check_dry_run(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield whether map and target accept their settings, and the vendor the attributes, with an invented record."""
    rows = {pipeline.streams[0]: [dict(pipeline.sample_record)]}
    try:
        found = dry_run_rows(project, pipeline, rows)
        if not found.records:
            # The filter is valid, but it leaves the invented record out, so the target was not checked.
            dry_run_rows(project, pipeline, rows, [pipeline.filter_setting])
    except ConsoleError as error:
        yield Finding("dry run", "fail", error.message, "do what the message says; nothing was written")
    else:
        yield Finding("dry run", "pass", "map and target accept their settings, and every attribute has the right type")


def check_money(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield how an amount in a doubtful currency will appear.

    The map computes it from a real invoice, as if the invoice belonged to the invented customer.
    """
    if pipeline.tap != SYNC.tap:
        return
    api = vendors.connect_chargebee(project.get_settings(pipeline.tap), project.get_facts(pipeline.tap))
    for invoice in rules.find_doubtful_invoices(vendors.fetch_latest_invoices(api)):
        overrides = {"customer_id": pipeline.sample_record["id"], "recurring": True, "status": "paid", "deleted": False}
        rows = {"customers": [dict(pipeline.sample_record)], "invoices": [{**invoice, **overrides}]}
        ignored = [pipeline.filter_setting, pipeline.attributes_setting]
        (record,) = dry_run_rows(project, pipeline, rows, ignored).records
        prefix = project.get_effective_settings(pipeline.map)["attribute_prefix"]
        amount = record["custom_attributes"][f"{prefix}latest_rec_inv_amt"]
        yield Finding(
            "money",
            "note",
            f"Chargebee's API says {invoice['total']} for invoice {invoice['id']}: Intercom will show {amount:,.2f} "
            f"{invoice['currency_code']}",
            f"compare with the invoice; if it differs, change {pipeline.map}'s `zero_decimal_currencies`",
        )


def check_store(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield whether Meltano's state and the map's store belong together."""
    state = read_state(project, pipeline)
    stores = list_stores(project, pipeline).stores if state.store else []
    present = next((store.generation for store in stores if store.name == state.store), None)
    yield rules.compare_state_and_store(pipeline, state.store, state.generation, present)


def check_schedules(project: Project, pipeline: Pipeline) -> Iterator[Finding]:
    """Yield whether cron runs the pipeline."""
    check, install = "schedule", "meltano invoke standpipe:schedule install"
    installed = schedules.read_installed(project)
    for schedule in schedules.load_schedules(project):
        if schedule.pipeline != pipeline:
            continue
        name = schedule.name
        if name not in installed:
            yield Finding(check, "note", f"{name} is not in the crontab: it runs only when you run it", install)
        elif installed[name] != schedules.build_line(project, schedule):
            what = f"the crontab has an older version of {name} than meltano.yml"
            yield Finding(check, "fail", what, install)
        elif not crontab.is_daemon_running():
            what = f"{name} is installed, but no cron runs on this machine"
            yield Finding(check, "fail", what, crontab.START_DAEMON)
        else:
            yield Finding(check, "pass", f"cron runs {name}")


CHECKS: dict[str, Callable[[Project, Pipeline], Iterator[Finding]]] = {
    "plugins": check_plugins,
    "keys": check_keys,
    "settings": check_settings,
    "moments": check_moments,
    "environments": check_environments,
    "custom objects": check_objects,
    "dry run": check_dry_run,
    "money": check_money,
    "state": check_store,
    "schedule": check_schedules,
}
