"""What is done with a record: the one table that decides between update, create, convert and skip.

Nothing else in this package decides. The functions are pure; what Intercom holds comes in as `Match`es.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from target_intercom.records.payloads import attributes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Action = Literal["update", "create", "convert", "skip"]


@dataclass(frozen=True)
class Rules:
    """The settings that decide (see the README for what each asks)."""

    on_no_match: Literal["skip", "create"] = "skip"
    on_lead: Literal["skip", "convert", "create"] = "skip"
    create_cancelled: bool = False


@dataclass(frozen=True)
class Candidate:
    """What the decision needs to know of a record."""

    identified: bool = True  #: it carries a value of the field that is matched on
    superseded: bool = False  #: a later record of this run has the same id
    claimed: bool = False  #: another record of this run has taken its match, or its place when none exists
    cancelled: bool = False  #: `cancelled_when` holds
    deleted: bool = False  #: `deleted_when` holds
    placeable: bool = True  #: it carries the id that a creation needs
    email_taken: bool = (
        False  #: matched by another field, it has the e-mail address of another user, or record before it
    )


@dataclass(frozen=True)
class Match:
    """A record of Intercom that was found for a candidate; a company counts as a user."""

    id: str
    role: Literal["user", "lead"] = "user"
    claimed: bool = False  #: it is linked to another record of this run's input
    archived: bool = False
    no_users: bool = False  #: a company that nobody belongs to: Intercom shows it nowhere
    doubtful: bool = False  #: it may be one of several, which no reading of Intercom's can tell


@dataclass(frozen=True)
class Decision:
    """What to do, why, and with which of the matches."""

    action: Action
    reason: str
    match: Match | None = None


#: What follows from what was found, whatever the settings say.
FOUND: dict[str, tuple[Action, str]] = {
    "superseded": ("skip", "superseded"),
    "no_identifier": ("skip", "no_identifier"),
    "several": ("skip", "ambiguous"),
    "archived": ("skip", "archived"),
    "claimed": ("skip", "claimed"),
    "doubtful": ("skip", "no_users"),
    "no_users": ("update", "no_users"),
    "one": ("update", "matched"),
}

#: What follows when no user was found: (what was found, what the setting for it says).
NOT_FOUND: dict[tuple[str, str], tuple[Action, str]] = {
    ("none", "skip"): ("skip", "no_match"),
    ("none", "create"): ("create", "no_match"),
    ("lead", "skip"): ("skip", "lead"),
    ("lead", "convert"): ("convert", "lead"),
    ("lead", "create"): ("create", "lead"),
    ("leads", "skip"): ("skip", "lead"),
    ("leads", "convert"): ("skip", "ambiguous"),
    ("leads", "create"): ("create", "lead"),
}


def decide(candidate: Candidate, matches: Sequence[Match], rules: Rules) -> Decision:
    """Decide what is done with one record.

    Args:
        candidate: the record.
        matches: every record of Intercom that carries its match value (or, failing that, its link).
        rules: the settings.

    Returns:
        The decision; `match` is set when exactly one record of Intercom is concerned.
    """
    users = [match for match in matches if match.role == "user"]
    leads = [match for match in matches if match.role == "lead"]
    situation = _situation(candidate, users, leads)
    only = users[0] if len(users) == 1 else leads[0] if len(leads) == 1 and not users else None
    if situation in FOUND:
        return Decision(*FOUND[situation], only)
    wish = rules.on_no_match if situation == "none" else rules.on_lead
    action, reason = NOT_FOUND[situation, wish]
    if action != "skip" and (refusal := _unwanted(candidate, rules, action)):
        return Decision("skip", refusal, only)
    return Decision(action, reason, only)


def holds(condition: Mapping[str, Sequence[Any]], record: Mapping[str, Any]) -> bool:
    """Say whether every field named in `condition` has one of its values; a field is an attribute, else at the top."""
    attributes = attributes_of(record)
    return bool(condition) and all(
        attributes.get(field, record.get(field)) in values for field, values in condition.items()
    )


def _situation(candidate: Candidate, users: Sequence[Match], leads: Sequence[Match]) -> str:
    if candidate.superseded:
        return "superseded"
    if not candidate.identified and not users and not leads:
        return "no_identifier"
    if len(users) > 1:
        return "several"
    only = users or (leads if len(leads) == 1 else [])
    if any(match.archived for match in only):
        return "archived"
    if candidate.claimed or any(match.claimed for match in only):
        return "claimed"
    return _one(users[0]) if users else ("none", "lead", "leads")[min(len(leads), 2)]


def _one(match: Match) -> str:
    if match.doubtful:
        return "doubtful"
    return "no_users" if match.no_users else "one"


def _unwanted(candidate: Candidate, rules: Rules, action: Action) -> str | None:
    """Who is not created: the deleted, those without id or of a taken e-mail address never, the cancelled if so set."""
    if action == "create" and not candidate.identified:
        return "no_identifier"
    if candidate.deleted:
        return "deleted"
    if candidate.cancelled and not rules.create_cancelled:
        return "cancelled"
    if action == "create" and candidate.email_taken:
        return "email_taken"
    return None if candidate.placeable else "no_company_id"
