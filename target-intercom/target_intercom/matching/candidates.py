"""What Intercom holds for a row, cut down to what decisions and comparisons need. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from target_intercom.records.buffer import Keys
from target_intercom.records.object_types import COMPANY
from target_intercom.records.payloads import match_key, match_value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from target_intercom.api.transport import RecordRefusedError
    from target_intercom.records.buffer import Row
    from target_intercom.records.payloads import Shape

#: A contact or company as `trimmed` leaves it.
Held = dict[str, Any]


@dataclass
class Found:
    """What Intercom holds for a row: records in the order found, or why it would not say."""

    records: list[Held] = field(default_factory=list)
    refused: RecordRefusedError | None = None
    holders: list[Held] = field(default_factory=list)  #: other users with the e-mail address of a row to be created
    elsewhere: list[Held] = field(default_factory=list)  #: carry the row's link, while its match value found another

    @property
    def unmatched(self) -> bool:
        """Say whether nobody was found, or leads only."""
        return not self.refused and all(is_lead(record) for record in self.records)

    def wants_link(self, link: str | None, shape: Shape) -> bool:
        """Say whether the link is to be looked for: no user was found, or none that carries it."""
        return (
            bool(link)
            and not self.refused
            and all(is_lead(one) or linked_to(one, shape) != link for one in self.records)
        )

    def with_emailed(self, emailed: Found, external_id: str | None) -> Found:
        """Add the users who have the e-mail address under another external id, or under none."""
        others = [one for one in emailed.records if not is_lead(one) and one["external_id"] != external_id]
        return Found(self.records, emailed.refused, holders=others)

    def with_linked(self, linked: Found) -> Found:
        """Add what was found by the link: the match of a row that has none yet, else a record that it was on before."""
        seen = {record["id"] for record in self.records}
        others = [one for one in linked.records if one["id"] not in seen]
        if not self.unmatched:
            return Found(self.records, elsewhere=others)
        return Found([*self.records, *others], linked.refused)

    def without_left_behind(self, row: Row, left_behind: Collection[str], shape: Shape) -> Found:
        """Set aside the records that the row has left, where another one carries its link.

        Both carry the link, so that only what an earlier run remembers tells which of them is the row's own. A record
        of the row's match value is never set aside.

        Args:
            row: the record of the input.
            left_behind: Intercom's ids of the records that it has left, as remembered.
            shape: the settings.
        """
        linked = [one for one in self.records if row.link and linked_to(one, shape) == row.link]
        left = [one for one in linked if one["id"] in left_behind and key_of(one, shape) != row.key]
        if len(left) == len(linked):  # the only ones that carry the link are the match, whatever was remembered
            return self
        kept = [one for one in self.records if one not in left]
        return replace(self, records=kept, elsewhere=[*self.elsewhere, *left])


def email_of(record: Mapping[str, Any], shape: Shape) -> str | None:
    """Give the e-mail address, as it is compared, where it is not what users are matched by."""
    if shape.kind is COMPANY or shape.match_on == "email":
        return None
    return match_key(match_value(record, "email") or "", "email") or None


def trimmed(record: Mapping[str, Any], shape: Shape) -> Held:
    """Keep of a record of Intercom what decisions and comparisons need."""
    attributes = record.get("custom_attributes") or {}
    kept = {name: record.get(name) for name in ("id", shape.kind.identity, *shape.kind.standard)}
    kept["custom_attributes"] = {name: value for name, value in attributes.items() if shape.concerns(name)}
    if shape.kind is COMPANY:
        return kept | {"plan": (kept["plan"] or {}).get("name"), "no_users": record.get("user_count") == 0}
    links = record.get("companies") or {}
    companies = [company["id"] for company in links.get("data") or []]
    return kept | {"role": record.get("role"), "companies": companies, "more_companies": bool(links.get("has_more"))}


def is_lead(held: Mapping[str, Any]) -> bool:
    """Say whether a record is a contact but no user."""
    return bool(held.get("role", "user") != "user")


def linked_to(record: Mapping[str, Any], shape: Shape) -> str | None:
    """Give the id of the record that a contact or company is linked to."""
    value = (record.get("custom_attributes") or {}).get(shape.link) if shape.link else None
    return str(value) if value not in {None, ""} else None


def key_of(record: Mapping[str, Any], shape: Shape) -> str:
    """Give the match value of a contact or company, as it is compared."""
    return match_key(str(record.get(shape.match_on) or ""), shape.match_on)


def keys_of(record: Mapping[str, Any], shape: Shape) -> Keys:
    """Give what a contact or company is found by."""
    identity = record.get("company_id") if shape.kind is COMPANY else None
    return Keys(key_of(record, shape), linked_to(record, shape), identity, email_of(record, shape))
