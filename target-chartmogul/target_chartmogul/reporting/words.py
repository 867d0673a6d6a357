"""The texts for the words in reports: outcomes of records, reasons of skips, and reasons why leads are not merged."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """The meaning of a word in the reports, and what the user can do about it. The remedy may be empty."""

    text: str
    remedy: str = ""


#: The outcomes of records; in a validation, of a sync.
OUTCOMES: dict[str, Meaning] = {
    "created": Meaning("it was not in ChartMogul's data source"),
    "updated": Meaning("it was there, and something differed"),
    "unchanged": Meaning("it was there, and nothing differed"),
    "held": Meaning(
        "it was there, and ChartMogul keeps its own value of everything that differed", "see `held_values.csv`"
    ),
    "deleted": Meaning("the contact no longer exists in its source"),
    "skipped": Meaning("the reason says why"),
    "rejected": Meaning("ChartMogul refused the write; the next run sends it again", "see `rejects.jsonl`"),
}
#: The reasons for a skip.
REASONS: dict[str, Meaning] = {
    "no_customer": Meaning(
        "the customer of a new contact is not in the data source, or the contact names none",
        "send everything again: `meltano run resync-leads`",
    ),
    "merged": Meaning(
        "the customer was merged, and another of its external ids decides about its values",
        "undo the merge with `unmerge` if it was wrong",
    ),
    "gone": Meaning("the contact no longer exists in its source, and is not in ChartMogul either"),
    "retained": Meaning(
        "the customer no longer exists in its source; customers are never deleted", "delete it in ChartMogul by hand"
    ),
    "no_identifier": Meaning("the record has no external id", "fill the field `external_id` in the source"),
    "superseded": Meaning("a later record of the run has the same external id"),
}
#: The results for a lead that may be merged.
MERGE_OUTCOMES: dict[str, Meaning] = {
    "matched": Meaning(
        "the lead and one customer of the billing system are the same", "merge them: set `merge` to `apply`"
    ),
    "merged": Meaning("the two were merged now"),
    "merged_before": Meaning("the two were merged before this run"),
    "pending": Meaning("ChartMogul has not finished the merge yet"),
    "interrupted": Meaning("the run stopped before this merge", "run again"),
    "refused": Meaning("ChartMogul refused the merge, for the reason behind the colon"),
    "unmatched": Meaning("no key finds a customer of the billing system", "add a key to `merge_by`"),
    "ambiguous": Meaning(
        "a key finds several customers, or several leads, and no other key tells them apart; or a more reliable key "
        "gave the customer to another lead",
        "merge them in ChartMogul by hand",
    ),
    "conflicting": Meaning("two keys find different customers", "correct the one that is wrong"),
    "contradicted": Meaning(
        "the external ids are equal, but name, e-mail address and domain are known for both, and all differ",
        "remove `external_id` from `merge_by` if the two systems number their customers independently",
    ),
    "kept_apart": Meaning(
        "the two were merged before, and the merge was undone with `unmerge`", "merge them in ChartMogul by hand"
    ),
}
