"""Reports as targets leave them, with hostile names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from standpipe_console._kit.csv_files import CsvWriter

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert(1)</script>\"'&"
VALIDATION = {
    "status": "completed", "mode": "validate", "records": 4, "matched": 2, "updated": 1, "unchanged": 0, "created": 0,
    "converted": 0, "not_reached": 0, "skipped": {"ambiguous": 1, "no_match": 1}, "rejected": {HOSTILE: 1},
    "not_sent": {"shares_match_value": 1}, "attributes_missing": ["cb_cust_mrr"],
    "totals": {"customers": 5, "sent": 4, "not_sent": {"shares_match_value": 1}, "unchanged": 0},
}  # fmt: skip
LONG = "W" * 300
LINK = "https://app.intercom.com/a/apps/w/users/"
TABLES = {
    "target-intercom-validate": {
        "matched": [
            {"id": "ann", "value": "ann@a.example", "outcome": "updated", "reason": "matched", "fields": "cb_cust_mrr",
             "name": HOSTILE, "company": LONG, "mrr": "29.0", "intercom_link": f"{LINK}1"},
            {"id": "bob", "value": "bob@b.example", "outcome": "rejected", "reason": HOSTILE, "fields": "",
             "name": "\u202eBob", "company": "", "mrr": "", "intercom_link": "javascript:alert(1)"},
        ],
        "unmatched": [{"id": "cid", "value": "", "outcome": "skipped", "reason": "no_match", "fields": "",
                       "name": LONG, "company": "", "mrr": "5", "intercom_link": ""}],
        "ambiguous": [{"id": "dan", "value": "d@d.example", "outcome": "skipped", "reason": "ambiguous", "name": "Dan",
                       "company": "", "mrr": "", "intercom_link": f"{LINK}2 {LINK}3"}],
        "not_sent": [{"id": "eve", "reason": "shares_match_value", "because": "shares its e-mail with ann",
                      "name": "Eve", "company": "", "mrr": "0.0"}],
    },
    "target-chartmogul": {
        "created": [{"stream": "customers", "id": "co-1", "reason": "", "fields": "name email"}],
        "held_values": [{"stream": "customers", "id": "co-1", "field": "name", "wanted": HOSTILE, "held": LONG,
                         "reason": "kept as ChartMogul has it", "found_at": "2026-01-01"}],
    },
    "target-chartmogul-merge-report": {
        "merges": [{"name": HOSTILE, "outcome": "refused: no", "matched_by": "email", "value": "a@b.example",
                    "into_name": LONG, "into": "c1"}],
    },
}  # fmt: skip


def write_reports(folder: Path) -> None:
    """Write reports as targets do, with hostile names."""
    for plugin, tables in TABLES.items():
        place = folder / plugin
        place.mkdir(parents=True)
        for name, rows in tables.items():
            with (place / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = CsvWriter(file)
                writer.writerow(rows[0])
                writer.writerows(row.values() for row in rows)
        summary = VALIDATION if plugin.endswith("validate") else {"status": "completed", "created": 1}
        (place / "summary.json").write_text(json.dumps(summary))
    change = {"id": "ann", "fields": {"custom_attributes.cb_cust_mrr": {"before": 5, "after": 7.5}}}
    (folder / "target-intercom-validate/plan.jsonl").write_text(json.dumps(change) + "\n")
