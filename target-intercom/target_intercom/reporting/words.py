"""The texts of the reports: outcomes, reasons, and what to do about them.

`target-intercom --about --format=json` prints them as `facts.outcomes` and `facts.reasons` (see `facts`), so that other
programs need no copy. The page, the terminal and the documents use the same texts.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """The reason for a skip."""

    text: str
    remedy: str = ""  #: what a person can do about it; may be empty


class Meaning(NamedTuple):
    """The meaning of an outcome without a reason of its own."""

    text: str
    would: str  #: the text for it in a validation
    remedy: str = ""


#: The reasons for which a data event is not sent.
EVENT_REASONS = {
    "already_sent": Reason("an event that an earlier run has sent"),
    "before_switch": Reason("an event from before its name was switched on"),
    "no_contact": Reason("an event or a subscription of a customer for whom no contact was matched"),
    "no_event": Reason("a record that is not an event", "look at the stream `events`: id, customer, name and time"),
    "sent_before": Reason("an event that an interrupted run has sent"),
}

#: The reasons for which a custom object, or a reference to one, is not as it should be.
OBJECT_REASONS = {
    "no_subscription": Reason("a record that is not a subscription", "look at the stream `subscription_objects`"),
    "reference_kept": Reason(
        "Intercom keeps a reference that should go", "remove it by hand in Intercom, at the contact"
    ),
}

#: The reasons for a skip. Any other reason is Intercom's own text.
REASONS = {
    "ambiguous": Reason("several match", "merge or correct them in Intercom"),
    "archived": Reason(
        "the match is archived in Intercom", "unarchive it, or change the e-mail address of the archived one"
    ),
    "cancelled": Reason(
        "not known to Intercom, and cancelled", "set `create_cancelled` to true to create cancelled customers"
    ),
    "claimed": Reason("the match belongs to another record", "give each of the two customers its own match value"),
    "deleted": Reason("not known to Intercom, and deleted"),
    "email_taken": Reason(
        "not known to Intercom by its id, but another user has its e-mail address",
        "correct the id or the e-mail address on either side",
    ),
    "lead": Reason("only a lead matches", "set `on_lead` to convert the lead, or to create a user beside it"),
    "linked_to_another": Reason(
        "the match is linked to a customer that this run does not read", "wait for the next run over all records"
    ),
    "no_company_id": Reason("not known to Intercom, and without a company id", "fill the field in the source"),
    "no_identifier": Reason("the record has no value to match by", "fill the field in the source"),
    "no_match": Reason("not known to Intercom", "set `on_no_match` to create"),
    "no_users": Reason(
        "a company of this name has no users, and may not be the only one", "attach a user to the company in Intercom"
    ),
    "superseded": Reason("a later record has the same id"),
    **EVENT_REASONS,
    **OBJECT_REASONS,
}

#: The outcomes. `skipped` and `rejected` also have a reason.
MEANINGS = {
    "updated": Meaning("matched, and something differed", "would update"),
    "unchanged": Meaning("matched, and nothing differed", "would leave unchanged"),
    "created": Meaning("not known to Intercom", "would create"),
    "converted": Meaning("only a lead matched, which is a user now", "would convert"),
    "sent": Meaning("a data event of a matched contact", "would send"),
    "saved": Meaning("the custom object of a subscription of a matched contact", "would save"),
    "deleted": Meaning("the custom object of a subscription that is gone", "would delete"),
    "referred": Meaning("a contact whose set of custom objects changed", "would refer"),
    "skipped": Meaning("left alone", "would skip"),
    "rejected": Meaning("Intercom refused the write", "would be refused", "see `rejects.jsonl`"),
    "unknown": Meaning(
        "the run stopped during the write: Intercom may have stored it, and the next run checks",
        "unknown",
        "run again",
    ),
    "not_reached": Meaning("the run stopped before it was written", "not reached", "run again"),
}

#: The texts in a validation for figures that are not outcomes.
_WOULD = {
    "attributes_missing": "would create attributes",
    "fields_written": "would write fields",
    "companies_attached": "would attach companies",
    "moved_cleared": "would clear moved",
    "events_sent": "would send events",
    "objects_saved": "would save objects",
    "objects_unchanged": "would leave objects unchanged",
    "objects_deleted": "would delete objects",
    "references_written": "would write references",
    "objects_skipped": "would skip objects",
    "events_skipped": "would skip events",
}


def name_outcome(kind: str, *, validate: bool) -> str:
    """Return the text for the outcome of a record, or in a validation for the expected one."""
    if validate:
        return MEANINGS[kind].would if kind in MEANINGS else _WOULD.get(kind, kind).replace("_", " ")
    return kind.replace("_", " ")


def describe_reason(reason: str) -> str:
    """Return the text for a reason. Intercom's own text stays as it is."""
    return REASONS[reason].text if reason in REASONS else reason


def explain_outcome(kind: str, reason: str) -> str:
    """Return the reason for the outcome of a record."""
    return MEANINGS[kind].text if kind in MEANINGS and kind not in {"skipped", "rejected"} else describe_reason(reason)
