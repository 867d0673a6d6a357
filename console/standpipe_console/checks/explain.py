"""`explain`: why Intercom shows what it shows for one customer: rows, derived values, match, decision, last write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standpipe_console._kit.csv_files import read_rows
from standpipe_console.api import vendors
from standpipe_console.errors import ConsoleError
from standpipe_console.project import stores
from standpipe_console.project.dry_run import rehearse, schemas_for
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console.project.dry_run import Rehearsed, Rows
    from standpipe_console.project.meltano import Project


#: The reports of a run in which every record that came stands once.
RECORD_TABLES = ("matched", "unmatched", "ambiguous", "not_reached")


def explain(project: Project, wanted: str) -> dict[str, Any]:
    """Everything there is to know of a customer, as JSON.

    Args:
        project: the project.
        wanted: the id of a customer in Chargebee, or what it is matched by, such as its e-mail address.

    Raises:
        ConsoleError: nobody, or several, are known by this; or there is no store yet.
    """
    project.learn(SYNC.plugins)
    store = _store(project)
    customer_id = _only(store.customer_ids(wanted), wanted)
    group = store.group(customer_id)
    rows = _rows(store, group)
    rehearsed = rehearse(project, SYNC, _with_site(store, rows), schemas_for(project, SYNC))
    record = next(iter(rehearsed.records), {})
    sent = str(record.get("customer_id") or "")
    return {
        "customer_id": customer_id,
        "chargebee": {stream: _of(stream, records, customer_id) for stream, records in rows.items()},
        "shares_match_with": [one for one in group if one != customer_id],
        "sent_is": sent,
        "derived": record,
        "decision": _decision(rehearsed, sent),
        "intercom": _live(project, rehearsed, sent),
        "last_run": _last_run(project, customer_id, sent),
    }


def _store(project: Project) -> Store:
    state = stores.state_of(project, SYNC)
    if not state.store:
        raise ConsoleError(f"Nothing was synchronised yet: `meltano run {SYNC.job}` fills the store.")
    return Store(stores.store_dir(project, SYNC) / f"{state.store}.sqlite")


def _only(found: list[str], wanted: str) -> str:
    if not found:
        raise ConsoleError(
            f"The store knows no customer `{wanted}`: it was not in Chargebee when the last run read it."
        )
    if len(found) > 1:
        raise ConsoleError(f"Several customers share `{wanted}`: ask for one of {', '.join(found)}.")
    return found[0]


def _rows(store: Store, group: list[str]) -> Rows:
    return {
        "customers": store.bodies("customers", "id", group),
        "subscriptions": store.bodies("subscriptions", "customer_id", group),
        "invoices": store.invoices(group),
    }


def _with_site(store: Store, rows: Rows) -> Rows:
    """The rows, and what the map must know of the site as a whole: the plans' names, and whether it has MRR at all."""
    present = {row["id"] for row in rows["subscriptions"]}
    more = [row for row in store.any_with_mrr() if row["id"] not in present]
    names = {"item_prices": found} if (found := store.names()) else {}
    return {**rows, "subscriptions": rows["subscriptions"] + more, **names}


def _of(stream: str, records: list[dict[str, Any]], customer_id: str) -> list[dict[str, Any]]:
    field = "id" if stream == "customers" else "customer_id"
    return [record for record in records if record.get(field) == customer_id]


def _decision(rehearsed: Rehearsed, sent: str) -> dict[str, Any]:
    """What a run would do now with the record."""
    table, line = rehearsed.line(sent)
    found = line.get("intercom_id") or line.get("intercom_ids") or ""
    return {
        "found": table,
        "match_value": line.get("value"),
        "intercom_ids": found.split(),
        "outcome": line.get("outcome"),
        "reason": line.get("reason"),
        "fields": (line.get("fields") or "").split(),
    }


def _live(project: Project, rehearsed: Rehearsed, sent: str) -> dict[str, Any]:
    """What Intercom holds of the record that matches."""
    ids = _decision(rehearsed, sent)["intercom_ids"]
    if len(ids) != 1:
        return {}
    kind = rehearsed.line(sent)[1]["stream"]
    answer = vendors.intercom(project.settings(SYNC.target)).get(f"/{kind}/{ids[0]}")
    if not answer.ok:
        return {"id": ids[0], "error": answer.reason}
    shown = ("id", "role", "email", "name", "external_id", "company_id", "updated_at", "custom_attributes")
    return {name: answer.body[name] for name in shown if name in answer.body}


def _last_run(project: Project, customer_id: str, sent: str) -> dict[str, Any]:
    """Return what the last run's reports say of the customer, else of the one that is sent for it now."""
    folder = Path(project.settings(SYNC.target).get("report_dir") or "output/target-intercom")
    folder = folder if folder.is_absolute() else project.root / folder
    summary = folder / "summary.json"
    if not summary.exists():
        return {}
    ended = datetime.fromtimestamp(summary.stat().st_mtime, UTC)
    return {"ended": ended.isoformat(timespec="seconds"), **read_reports(folder, customer_id, sent)}


def read_reports(folder: Path, customer_id: str, sent: str) -> dict[str, Any]:
    """Return what the reports in a folder say of a customer.

    `outcome` and `reason` are missing when it is in no list; `instead` is what became of the one that was sent for it.
    """
    not_sent = _line(folder, "not_sent", customer_id)
    told: dict[str, Any] = _reported(folder, customer_id)
    about = customer_id
    if not told and not_sent:
        told = {"outcome": "not_sent", "reason": not_sent["because"]}
        if other := not_sent["instead_of"]:
            told["instead"] = {"customer_id": other, **_reported(folder, other)}
    elif not told:
        told, about = _reported(folder, sent), sent
    told["wrote"] = _written(folder, about)
    told["unfit"] = {line["field"]: line["reason"] for line in _lines(folder, "unfit", about)}
    told["moved"] = [
        {"was_on": line["was_on"].split(), "outcome": line["outcome"]} for line in _lines(folder, "moved", about)
    ]
    return told


def _reported(folder: Path, record_id: str) -> dict[str, Any]:
    for name in RECORD_TABLES:
        if line := _line(folder, name, record_id):
            return {"outcome": line["outcome"], "reason": line["reason"]}
    return {}


def _line(folder: Path, name: str, record_id: str) -> dict[str, str]:
    return next(_lines(folder, name, record_id), {})


def _lines(folder: Path, name: str, record_id: str) -> Iterator[dict[str, str]]:
    """Yield a report's lines about one record; a version that did not know the report has written none."""
    path = folder / f"{name}.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from (line for line in read_rows(file) if line["id"] == record_id)


def _written(folder: Path, sent: str) -> dict[str, Any]:
    with (folder / "changes.jsonl").open(encoding="utf-8") as file:
        for line in file:
            change: dict[str, Any] = json.loads(line)
            if change["id"] == sent:
                fields: dict[str, Any] = change["fields"]
                return fields
    return {}
