"""The names of the plugin's files."""

from __future__ import annotations

from target_chartmogul._kit.run_lock import LOCK_FILE
from target_chartmogul.writing.outcomes import KINDS_OF_OUTCOME

LISTS = ("rejects", "changes")
HELD_VALUES, MERGE_LOG = "held_values.csv", "merges.jsonl"
MERGE_SETTINGS, CONTACT_IDS = "merge_settings.json", "contact_ids.json"
#: The tables of the command `review`.
REVIEW_CUSTOMERS, REVIEW_CONTACTS = "review_customers.csv", "review_contacts.csv"
#: Every report of a run.
RUN_REPORTS = (
    *(f"{kind}.csv" for kind in KINDS_OF_OUTCOME),
    *(f"{name}.jsonl" for name in LISTS),
    "merges.csv",
    HELD_VALUES,
    "summary.json",
)
#: All files that the plugin may leave, by the setting that names their folder. A later clean-up of the reports removes
#: these and no others.
OWN_FILES = {
    "report_dir": (*RUN_REPORTS, REVIEW_CUSTOMERS, REVIEW_CONTACTS),
    "memory_dir": (HELD_VALUES, MERGE_LOG, MERGE_SETTINGS, CONTACT_IDS, LOCK_FILE),
}
