"""`explain`: why Intercom shows its values for one customer: rows, derived values, match, decision, runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from standpipe_console.api.vendors import connect_intercom
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.project.dry_run import OBJECTS, dry_run_target, fetch_catalog, needs_catalog, read_report
from standpipe_console.project.meltano import build_settings_command
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.plugin_facts import Wording
from standpipe_console.project.stores import build_state_command, inspect_customer, read_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.dry_run import DryRun
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.plugin_facts import PluginFacts

#: The reports of a run that together contain every record once.
RECORD_TABLES = ("matched", "unmatched", "ambiguous", "not_reached")
#: The map's reasons that come from its filter.
FILTER_REASONS = frozenset({"left_out", "undecided"})
#: The most runs that are shown.
MAX_RUNS = 5
#: The shown fields of Intercom's record.
_SHOWN_FIELDS = ("id", "role", "email", "name", "external_id", "company_id", "updated_at", "custom_attributes")


def explain_customer(project: Project, wanted: str) -> JsonObject:
    """Return everything about a customer as JSON.

    Args:
        project: the project.
        wanted: the customer's id in Chargebee, or its match value, such as the e-mail address.

    Raises:
        ConsoleError: no customer, or several, have this value; or nothing is synced yet.
    """
    settings = map(build_settings_command, SYNC.plugins)
    project.run_ahead([*settings, build_state_command(SYNC.build_state_id(project.environment))])
    project.load_settings(SYNC.plugins)
    state = read_state(project, SYNC)
    if not state.store:
        raise ConsoleError(f"Nothing is synced yet: run `meltano run {SYNC.job}` first.")
    catalog = fetch_catalog(project, SYNC) if needs_catalog(project, SYNC) else ""
    found = inspect_customer(project, SYNC, wanted, state.store, catalog)
    # The map shows what it would send for this customer, and the target what it would do with it.
    dry_run = dry_run_target(project, SYNC, "".join(json.dumps(one) + "\n" for one in found["messages"]))
    customer_id, sent_id = found["customer_id"], found["sent_is"] or ""
    decision = build_decision(dry_run, sent_id, project.get_facts(SYNC.target))
    moments = read_moments(project, decision["intercom_ids"])
    rows = [one for one in found["messages"] if one["type"] == "RECORD" and one["stream"] == OBJECTS]
    return {
        "customer_id": customer_id,
        "chargebee": found["chargebee"],
        "zero_decimal_currencies": project.get_effective_settings(SYNC.map)["zero_decimal_currencies"],
        "shares_match_with": [one["customer_id"] for one in found["group"] if one["customer_id"] != customer_id],
        "sent_is": sent_id or None,
        "left_out": describe_filter(found, lambda: project.get_facts(SYNC.map)),
        "derived": found["derived"],
        "decision": decision,
        "intercom": fetch_intercom_record(project, dry_run, sent_id),
        "last_run": _read_last_run(project, customer_id, sent_id),
        "runs": read_runs(project, customer_id),
        **({"moments": moments} if moments else {}),
        **({OBJECTS: [one["record"] for one in rows]} if rows else {}),
    }


def read_moments(project: Project, intercom_ids: list[str]) -> list[JsonObject]:
    """Return the last data events that were sent to the matched contact, the latest first."""
    if len(intercom_ids) != 1:
        return []
    with open_history(project) as history:
        found = [one for one in history.find_customer(intercom_ids[0]) if one.stream == "events"][:MAX_RUNS]
        rows = [row for one in found for row in history.list_record_history(one.record_id, SYNC.target, 1)]
    return [
        {
            "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
            "run_id": row.run_id,
            "event": next((one.fields["event_name"].after for one in row.changes if "event_name" in one.fields), ""),
            "chargebee_event_id": row.record_id,
            "outcome": row.kind,
            "reason": row.reason,
        }
        for row in rows
    ]


def describe_filter(found: JsonObject, get_facts: Callable[[], PluginFacts]) -> JsonObject:
    """Return why the map's filter leaves a customer out; empty if the customer takes part.

    Args:
        found: what the map says about the customer.
        get_facts: returns the map's own words for its reasons.
    """
    reasons = {one["customer_id"]: one["reason"] for one in found["group"]}
    reason = reasons[found["customer_id"]]
    if reason not in FILTER_REASONS:
        return {}
    wording = get_facts().facts.reasons.get(reason, Wording(reason))
    return {
        "reason": reason,
        "because": wording.text,
        "remedy": wording.remedy,
        "only_customers": found.get("only_customers"),
    }


def build_decision(dry_run: DryRun, sent_id: str, facts: PluginFacts) -> JsonObject:
    """Return what a run would now do with the sent record, and why, in the target's words."""
    table, line = dry_run.find_line(sent_id)
    wording = facts.explain_outcome(line.get("outcome", ""), line.get("reason", ""))
    return {
        "found": table,
        "match_value": line.get("value"),
        "intercom_ids": _find_intercom_ids(line),
        "intercom_links": (line.get("intercom_link") or "").split(),
        "outcome": line.get("outcome"),
        "reason": line.get("reason"),
        "because": wording.text,
        "remedy": wording.remedy,
        "fields": (line.get("fields") or "").split(),
    }


def _find_intercom_ids(line: dict[str, str]) -> list[str]:
    return (line.get("intercom_id") or line.get("intercom_ids") or "").split()


def fetch_intercom_record(project: Project, dry_run: DryRun, sent_id: str) -> JsonObject:
    """Return Intercom's record for the match; empty if none or several match."""
    _, line = dry_run.find_line(sent_id)
    ids = _find_intercom_ids(line)
    if len(ids) != 1:
        return {}
    # The report shows whether it is a contact or a company, as contacts may have a company's id too.
    kind = line["stream"]
    api = connect_intercom(project.get_settings(SYNC.target), project.get_facts(SYNC.target))
    response = api.get(f"/{kind}/{ids[0]}")
    if not response.ok:
        return {"id": ids[0], "error": response.reason}
    return {name: response.body[name] for name in _SHOWN_FIELDS if name in response.body}


def _read_last_run(project: Project, customer_id: str, sent_id: str) -> JsonObject:
    """Return the last run's reports about the customer; empty if there are none."""
    folder = project.root / Path(project.get_settings(SYNC.target).get("report_dir") or "output/target-intercom")
    summary = folder / "summary.json"
    if not summary.exists():
        return {}
    ended = datetime.fromtimestamp(summary.stat().st_mtime, UTC)
    last = read_reports(folder, customer_id, sent_id)
    facts = project.get_facts(SYNC.target)
    for about in (last, last.get("instead", {})):
        if "reason" in about:
            about["because"] = facts.explain_outcome(about["outcome"], about["reason"]).text
    return {"ended": ended.isoformat(timespec="seconds"), **last}


def read_reports(folder: Path, customer_id: str, sent_id: str) -> JsonObject:
    """Return the reports in a folder about a customer, or else about the customer that is now sent for it.

    `outcome` and `reason` are missing if no report names the customer; `instead` is the outcome of the one sent for it.
    """
    not_sent = _find_lines(folder, "not_sent", customer_id)
    about: JsonObject = _find_outcome(folder, customer_id)
    record_id = customer_id
    if not about and not_sent:
        about = {"outcome": "not_sent", "reason": not_sent[0]["because"]}
        if other := not_sent[0]["instead_of"]:
            about["instead"] = {"customer_id": other, **_find_outcome(folder, other)}
    elif not about:
        about, record_id = _find_outcome(folder, sent_id), sent_id
    about["unfit"] = {line["field"]: line["reason"] for line in _find_lines(folder, "unfit", record_id)}
    about["moved"] = [
        {"was_on": line["was_on"].split(), "outcome": line["outcome"]}
        for line in _find_lines(folder, "moved", record_id)
    ]
    return about


def _find_outcome(folder: Path, record_id: str) -> JsonObject:
    for name in RECORD_TABLES:
        for line in _find_lines(folder, name, record_id):
            return {"outcome": line["outcome"], "reason": line["reason"]}
    return {}


def _find_lines(folder: Path, name: str, record_id: str) -> list[dict[str, str]]:
    return [line for line in read_report(folder / f"{name}.csv") if line["id"] == record_id]


def read_runs(project: Project, customer_id: str) -> list[JsonObject]:
    """Return what runs did with a customer, the latest first, each with the fields that it wrote."""
    with open_history(project) as history:
        rows = history.list_record_history(customer_id, SYNC.target, MAX_RUNS)
    facts = project.get_facts(SYNC.target)
    return [
        {
            "run_id": row.run_id,
            "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
            "outcome": row.kind,
            "reason": row.reason,
            "because": facts.explain_outcome(row.kind, row.reason).text,
            # A record that was matched by another contact before has several writes in one run.
            "wrote": [
                {
                    "action": change.action,
                    "intercom_id": change.remote_id,
                    "fields": msgspec.to_builtins(change.fields),
                }
                for change in row.changes
            ],
        }
        for row in rows
    ]
