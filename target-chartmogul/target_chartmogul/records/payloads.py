"""From a record to the body of a request: fitted values, and the difference from what ChartMogul holds.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from target_chartmogul.records.object_types import CUSTOMER, CUSTOMER_ID, EXTERNAL_ID, PREVIOUS_ID, Kind
from target_chartmogul.records.values import MAX_STRING, same
from target_chartmogul.records.values import fitted as fitted_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CUSTOM, TAG = "custom.", "tag."
"""Custom attributes and tags stand among the fields of a change under these prefixes."""


@dataclass(frozen=True)
class Shape:
    """How the records of a stream are written: its kind, and the type of every custom attribute."""

    types: Mapping[str, str]
    kind: Kind = CUSTOMER
    write_all: bool = False  #: also the fields that a billing system writes on a customer that it shares


@dataclass(frozen=True)
class Wanted:
    """A record with its values fitted: what ChartMogul should hold.

    `values` are by field, custom attributes as `custom.<key>`, tags as `tag.<name>`; None clears a custom attribute.
    `unfit` says of which fields the value was not of its type; `cut` counts texts that were too long.
    """

    values: Mapping[str, Any]
    unfit: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


@dataclass(frozen=True)
class Held:
    """What ChartMogul holds of a record.

    `owner` is the external id that speaks for a customer, of several of one source that were merged; `customer` the
    uuid of a contact's customer; `shared` says whether another source has a part in it. Of a contact `owner` is its
    external id, and `position` its place in ChartMogul's list, which is lower the older it is.
    """

    uuid: str
    values: Mapping[str, Any]
    owner: str = ""
    customer: str | None = None
    shared: bool = False
    position: int = 0


class Change(NamedTuple):
    """What a field holds, and what it will hold."""

    before: Any
    after: Any


def text_of(value: Any) -> str | None:
    """Give an id as text, trimmed; None for nothing, and for what is no single value."""
    return None if value is None or isinstance(value, dict | list) else str(value).strip() or None


def wanted(record: Mapping[str, Any], shape: Shape) -> Wanted:
    """Fit a record's values to what ChartMogul holds. An empty field is left out, so that ChartMogul's value stays."""
    fitted: dict[str, Any] = {}
    unfit: dict[str, str] = {}
    cut = 0
    for name, data_type, value in _given(record, shape):
        try:
            fitted[name] = fitted_value(data_type, value)
        except (ValueError, TypeError, OverflowError):
            unfit[name] = f"the value is not of the type {data_type}"
            continue
        cut += data_type == "String" and value is not None and len(str(value).strip()) > MAX_STRING
    return Wanted({name: one for name, one in fitted.items() if one is not None or name.startswith(CUSTOM)}, unfit, cut)


def changes(want: Wanted, held: Held, shape: Shape) -> dict[str, Change]:
    """Compare, per field, what ChartMogul should hold with what it holds; an empty result means nothing to write.

    On a customer that another source shares, the fields that are that source's too are not in the result. Tags are
    added and never taken away.
    """
    return {
        name: Change(held.values.get(name), value)
        for name, value in want.values.items()
        if _may_write(name, held, shape) and not same(type_of(name, shape), value, held.values.get(name))
    }


def creation(want: Wanted) -> dict[str, Change]:
    """Give the changes that creating a record makes, in the form of `changes`."""
    return {name: Change(None, value) for name, value in want.values.items() if value is not None}


def held_from(entry: Mapping[str, Any], shape: Shape, source: str) -> Held:
    """Read a customer or contact of ChartMogul's reply.

    Args:
        entry: the reply.
        shape: how records are written.
        source: the uuid of this target's data source.
    """
    values = {name: entry.get(name) for name in shape.kind.fields}
    part = entry
    for level in shape.kind.custom_at:
        part = part.get(level) or {}
    values |= {CUSTOM + key: value for key, value in part.items() if key in shape.types}
    if shape.kind is not CUSTOMER:
        values |= {name: entry.get(name) for name in (CUSTOMER_ID, EXTERNAL_ID)}
    values |= dict.fromkeys((TAG + tag for tag in (entry.get("attributes") or {}).get("tags") or ()), True)
    members = external_ids(entry, source)
    position = entry.get("position")
    return Held(
        uuid=entry["uuid"],
        values=values,
        owner=members[0] if members else "",
        customer=entry.get("customer_uuid"),
        shared=any(one != source for one in entry.get("data_source_uuids") or ()),
        position=position if isinstance(position, int) else 0,
    )


def earlier_ids(record: Mapping[str, Any]) -> list[str]:
    """Give the external ids under which a contact was written before: `previous_external_id`, one or several."""
    given = record.get(PREVIOUS_ID)
    found = map(text_of, given if isinstance(given, list) else [given])
    return list(dict.fromkeys(one for one in found if one and one != text_of(record.get(EXTERNAL_ID))))


def person_key(customer: str | None, values: Mapping[str, Any]) -> str:
    """Give what stands for a contact where the account keeps no external ids: its customer, e-mail address and name."""
    texts = (text_of(values.get(name)) or "" for name in ("email", "first_name", "last_name"))
    return "\n".join([customer or "", *(" ".join(text.casefold().split()) for text in texts)])


def external_ids(entry: Mapping[str, Any], source: str) -> list[str]:
    """Give every external id that a customer has in one source.

    A merged customer has a list of sources and one of external ids, of the same length; the single fields are those of
    the primary one. One source may stand there several times.
    """
    sources, ids = entry.get("data_source_uuids") or [], entry.get("external_ids") or []
    if sources and len(sources) == len(ids):
        return [one for place, one in zip(sources, ids, strict=True) if place == source]
    return [entry["external_id"]] if entry.get("data_source_uuid") == source and entry.get("external_id") else []


def plain_fields(changed: Mapping[str, Change]) -> dict[str, Any]:
    """Give the fields of a body, without attributes, tags, and whose contact it is."""
    return {name: change.after for name, change in changed.items() if "." not in name and name != CUSTOMER_ID}


def typed_attributes(changed: Mapping[str, Change], shape: Shape) -> list[dict[str, Any]]:
    """Give the changed custom attributes with their types, as the endpoint that keeps booleans right wants them."""
    return [
        {"type": shape.types[name.removeprefix(CUSTOM)], "key": name.removeprefix(CUSTOM), "value": change.after}
        for name, change in changed.items()
        if name.startswith(CUSTOM) and change.after is not None
    ]


def tags_in(names: Iterable[str]) -> list[str]:
    """Give the tags among the names of changes."""
    return [name.removeprefix(TAG) for name in names if name.startswith(TAG)]


def cleared_in(changed: Mapping[str, Change]) -> list[str]:
    """Give the keys of the custom attributes that a change clears."""
    return [n.removeprefix(CUSTOM) for n, one in changed.items() if n.startswith(CUSTOM) and one.after is None]


def creation_body(changed: Mapping[str, Change], shape: Shape) -> dict[str, Any]:
    """Give the body of a new customer, but for its source and external id."""
    custom, tags = typed_attributes(changed, shape), tags_in(changed)
    attributes = ({"custom": custom} if custom else {}) | ({"tags": tags} if tags else {})
    return plain_fields(changed) | ({"attributes": attributes} if attributes else {})


def contact_body(changed: Mapping[str, Change]) -> dict[str, Any]:
    """Give the body of a new or changed contact; custom attributes have no types here."""
    custom = [
        {"key": name.removeprefix(CUSTOM), "value": change.after}
        for name, change in changed.items()
        if name.startswith(CUSTOM)
    ]
    return plain_fields(changed) | ({"custom": custom} if custom else {})


def lacking(changed: Mapping[str, Change], held: Held, shape: Shape) -> dict[str, Change]:
    """Give what of a change ChartMogul's reply does not show, with the value that it shows instead."""
    return {
        name: Change(held.values.get(name), change.after)
        for name, change in changed.items()
        if not same(type_of(name, shape), change.after, held.values.get(name))
    }


def type_of(name: str, shape: Shape) -> str:
    """Give the type of a field, custom attribute or tag."""
    if name.startswith(CUSTOM):
        return shape.types[name.removeprefix(CUSTOM)]
    return shape.kind.fields.get(name, "tag")


def named_fields(names: Sequence[str], sent: Iterable[str]) -> list[str]:
    """Give those of the sent fields that a refusal names, attributes as a whole left out."""
    return sorted(set(names) & {name for name in sent if "." not in name})


def _may_write(name: str, held: Held, shape: Shape) -> bool:
    if not held.shared or "." in name:
        return True
    if name in shape.kind.once:
        return not held.values.get(name)
    return shape.write_all or name in shape.kind.own


def _given(record: Mapping[str, Any], shape: Shape) -> Iterable[tuple[str, str, Any]]:
    for name, data_type in shape.kind.fields.items():
        yield name, data_type, record.get(name)
    yield from _given_custom(record, shape)
    if shape.kind is CUSTOMER:
        yield from _given_tags(record)


def _given_custom(record: Mapping[str, Any], shape: Shape) -> Iterable[tuple[str, str, Any]]:
    part: Any = record
    for level in shape.kind.custom_at:
        part = part.get(level) or {}
        if not isinstance(part, dict):
            yield ".".join(shape.kind.custom_at), "object", part
            return
    for key, value in part.items():
        if key in shape.types:
            yield CUSTOM + key, shape.types[key], value


def _given_tags(record: Mapping[str, Any]) -> Iterable[tuple[str, str, Any]]:
    attributes = record.get("attributes")
    tags = (attributes.get("tags") if isinstance(attributes, dict) else None) or []
    if not isinstance(tags, list) or any(isinstance(tag, dict | list) for tag in tags):
        yield "attributes.tags", "list of texts", tags
        return
    for tag in map(text_of, tags):
        if tag:
            yield TAG + tag, "tag", True
