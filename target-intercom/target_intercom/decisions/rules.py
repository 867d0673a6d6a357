"""The table that decides between update, create, convert and skip for each record. Pure.

Nothing else in this package decides. What Intercom has comes in as `Match`es.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_intercom._kit.json_types import JsonValue

Action = Literal["update", "create", "convert", "skip"]


@dataclass(frozen=True)
class Rules:
    """The settings that decide (see the README for what each asks)."""

    on_no_match: Literal["skip", "create"] = "skip"
    on_lead: Literal["skip", "convert", "create"] = "skip"
    create_cancelled: bool = False


@dataclass(frozen=True)
class Facts:
    """The facts about a record that the decision needs."""

    has_match_value: bool = True
    is_superseded: bool = False  #: whether a later record of this run has the same id
    is_match_taken: bool = False  #: whether another record of this run has reserved its match or match value
    is_cancelled: bool = False  #: whether `cancelled_when` is met
    is_deleted: bool = False  #: whether `deleted_when` is met
    can_be_created: bool = True  #: whether it has the id that a creation needs
    is_email_taken: bool = False
    """Whether another user, or an earlier record, has its e-mail address, while another field is matched."""


@dataclass(frozen=True)
class Match:
    """A record of Intercom that was found. A company counts as a user."""

    id: str
    role: Literal["user", "lead"] = "user"
    is_linked_elsewhere: bool = False  #: whether it is linked to another record of this run's input
    is_linked_outside: bool = False
    """Whether it is linked to an id outside this run's input, while the input contains only some records."""
    is_archived: bool = False
    has_no_users: bool = False  #: whether it is a company without users, which Intercom does not show
    is_possibly_duplicate: bool = False  #: whether others may have its name, which Intercom's API cannot show


@dataclass(frozen=True)
class Decision:
    """The action, its reason, and the match that it applies to."""

    action: Action
    reason: str
    match: Match | None = None


#: The decisions that follow from the matches, with any settings.
FOUND: dict[str, tuple[Action, str]] = {
    "superseded": ("skip", "superseded"),
    "no_identifier": ("skip", "no_identifier"),
    "several": ("skip", "ambiguous"),
    "archived": ("skip", "archived"),
    "claimed": ("skip", "claimed"),
    "linked_to_another": ("skip", "linked_to_another"),
    "possibly_duplicate": ("skip", "no_users"),
    "no_users": ("update", "no_users"),
    "one": ("update", "matched"),
}

#: The decisions without a matching user: by (matches, value of the setting for them).
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


def decide(facts: Facts, matches: Sequence[Match], rules: Rules) -> Decision:
    """Decide about one record.

    Args:
        facts: the record.
        matches: all records of Intercom with its match value (or, without any, with its link).
        rules: the settings.

    Returns:
        The decision; `match` is set when exactly one record of Intercom is concerned.
    """
    users = [match for match in matches if match.role == "user"]
    leads = [match for match in matches if match.role == "lead"]
    situation = _describe_situation(facts, users, leads)
    only = users[0] if len(users) == 1 else leads[0] if len(leads) == 1 and not users else None
    if situation in FOUND:
        return Decision(*FOUND[situation], only)
    choice = rules.on_no_match if situation == "none" else rules.on_lead
    action, reason = NOT_FOUND[situation, choice]
    if action != "skip" and (obstacle := _find_obstacle(facts, rules, action)):
        return Decision("skip", obstacle, only)
    return Decision(action, reason, only)


def is_condition_met(
    condition: Mapping[str, Sequence[JsonValue]],
    attributes: Mapping[str, JsonValue],
    record: Mapping[str, JsonValue],
) -> bool:
    """Return whether every field in `condition` has one of its listed values. An empty condition is never met.

    Args:
        condition: the values by field.
        attributes: the custom attributes of the record, which are checked first.
        record: the record itself, with the fields that are not sent as attributes.
    """
    return bool(condition) and all(
        (record.get(field) if attributes.get(field) is None else attributes[field]) in values
        for field, values in condition.items()
    )


def _describe_situation(facts: Facts, users: Sequence[Match], leads: Sequence[Match]) -> str:
    if facts.is_superseded:
        return "superseded"
    if not facts.has_match_value and not users and not leads:
        return "no_identifier"
    if len(users) > 1:
        return "several"
    only = users or (leads if len(leads) == 1 else [])
    if obstacle := _describe_match(facts, only):
        return obstacle
    if users:
        return "no_users" if users[0].has_no_users else "one"
    return ("none", "lead", "leads")[min(len(leads), 2)]


def _describe_match(facts: Facts, only: Sequence[Match]) -> str | None:
    """Return the situation if the only match must not be written; None if it may be."""
    if any(match.is_archived for match in only):
        return "archived"
    if facts.is_match_taken or any(match.is_linked_elsewhere for match in only):
        return "claimed"
    if any(match.is_linked_outside for match in only):
        return "linked_to_another"
    return "possibly_duplicate" if any(match.is_possibly_duplicate for match in only) else None


def _find_obstacle(facts: Facts, rules: Rules, action: Action) -> str | None:
    """Return why the action (create a record, or convert a lead) is not possible; None if it is."""
    if action == "create" and not facts.has_match_value:
        return "no_identifier"
    if facts.is_deleted:
        return "deleted"
    if facts.is_cancelled and not rules.create_cancelled:
        return "cancelled"
    if action == "create" and facts.is_email_taken:
        return "email_taken"
    return None if facts.can_be_created else "no_company_id"
