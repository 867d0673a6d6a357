"""The words of the reports: what became of a record, and why. The README, the page and the terminal say it so."""

from __future__ import annotations

#: Why a record was left alone.
REASONS = {
    "ambiguous": "several match",
    "archived": "the match is archived in Intercom",
    "cancelled": "not known to Intercom, and cancelled",
    "claimed": "the match belongs to another record",
    "deleted": "not known to Intercom, and deleted",
    "email_taken": "not known to Intercom by its id, but another user has its e-mail address",
    "lead": "only a lead matches",
    "no_company_id": "not known to Intercom, and without a company id",
    "no_identifier": "the record has no value to match by",
    "no_match": "not known to Intercom",
    "no_users": "a company of this name has no users, and may not be the only one",
    "superseded": "a later record has the same id",
}

#: What a record became, and why, where no reason says more.
MEANINGS = {
    "updated": "matched, and something differed",
    "unchanged": "matched, and nothing differed",
    "created": "not known to Intercom",
    "converted": "only a lead matched, which is a user now",
    "unknown": "the run stopped while it was written: Intercom may have taken it, and the next run finds out",
    "not_reached": "the run stopped before its turn",
}

#: What a sync would do, in the words of a validation.
WOULD = {
    "updated": "would update",
    "unchanged": "would leave unchanged",
    "created": "would create",
    "converted": "would convert",
    "skipped": "would skip",
    "rejected": "would be refused",
    "not_reached": "not reached",
    "attributes_missing": "would create attributes",
    "fields_written": "would write fields",
    "companies_attached": "would attach companies",
    "moved_cleared": "would clear moved",
}


def name_outcome(kind: str, *, validate: bool) -> str:
    """Return what became of a record, or in a validation what would become of it, as it reads in a list."""
    return (WOULD.get(kind, kind) if validate else kind).replace("_", " ")


def explain(kind: str, reason: str) -> str:
    """Return why that became of it; a reason that has no words here is Intercom's own."""
    return REASONS.get(reason, reason) if kind in {"skipped", "rejected"} else MEANINGS.get(kind, reason)
