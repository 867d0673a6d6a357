"""From a record to the body of a request: fitted values, and the difference from what Intercom holds.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import normalize

from target_intercom._kit.values import read_boolean, read_float
from target_intercom.records.object_types import CONTACT, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

#: The longest string that a custom attribute holds.
MAX_STRING = 255

#: The greatest `monthly_spend` of a company.
MAX_WHOLE = 2_147_483_647

#: The greatest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
MAX_INTEGER = 2**53


class UnfitRecordError(ValueError):
    """Nothing of a record can be written. The text names the field only."""


@dataclass(frozen=True)
class Shape:
    """How records are written: the settings and the type of every custom attribute.

    `options` has the values that a list attribute of the workspace permits, by attribute.
    """

    types: Mapping[str, str]
    kind: Kind = CONTACT
    match_on: str = "email"
    update_all: bool = False
    prefix: str = "cb_"
    link: str = "cb_cust_id"
    options: Mapping[str, frozenset[str]] = field(default_factory=dict)
    archived: frozenset[str] = frozenset()  #: attributes that can no longer be written

    @property
    def created_by(self) -> str:
        """The attribute that says whether this integration created the record."""
        return f"{self.prefix}created_by"

    def owns(self, name: str) -> bool:
        """Say whether a custom attribute is this integration's to change and to clear."""
        return name.startswith(self.prefix) or (bool(self.link) and name == self.link)

    def concerns(self, name: str) -> bool:
        """Say whether a custom attribute is one that is compared, or that may have to be cleared."""
        return name in self.types or (self.owns(name) and name not in self.archived)


@dataclass(frozen=True)
class Wanted:
    """A record with its values fitted: what Intercom should hold.

    `cut` counts strings that were too long. `unfit` says, by field, why a value cannot be written; such a value is None
    here, so that an attribute of ours is cleared instead of keeping what is no longer true.
    """

    identity: str | None
    standard: Mapping[str, Any]
    attributes: Mapping[str, Any]
    cut: int = 0
    unfit: Mapping[str, str] = field(default_factory=dict)

    def without(self, name: str, reason: str) -> Wanted:
        """Return the record without the value of one field, which Intercom refused."""
        attribute = name.partition(".")[2]
        unfit = {**self.unfit, attribute or name: reason}
        if attribute:
            return replace(self, attributes={**self.attributes, attribute: None}, unfit=unfit)
        return replace(self, standard={**self.standard, name: None}, unfit=unfit)


class Change(NamedTuple):
    """What a field holds, and what it will hold."""

    before: Any
    after: Any


@dataclass
class _Fitter:
    """Fits values to their types, counts the strings it cuts, and notes why a value does not fit."""

    cut: int = 0
    unfit: dict[str, str] = field(default_factory=dict)

    def fit(self, name: str, data_type: str, value: Any, options: Container[str] | None = None) -> Any:
        """Return the value as Intercom takes it; None when there is none, or none that fits."""
        if is_blank(value):
            return None
        try:
            fitted = _FITTERS[data_type](value)
        except (ValueError, TypeError, OverflowError):
            self.unfit[name] = f"the value is not of the type {data_type}"
            return None
        if data_type == "string" and len(fitted) > MAX_STRING:
            self.cut += 1
            fitted = fitted[:MAX_STRING].rstrip()
        if options is not None and fitted not in options:
            self.unfit[name] = "the value is not among the attribute's options in Intercom"
            return None
        return fitted


def is_blank(value: Any) -> bool:
    """Return whether there is no value: null, or a text of nothing but spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


def match_value(record: Mapping[str, Any], match_on: str) -> str | None:
    """Give the value a record is matched by, as the record has it but trimmed; None when it has none."""
    return _identifier(record.get(match_on))


def match_key(value: str, match_on: str) -> str:
    """Give the form of a match value under which two are the same.

    E-mail addresses and names are compared regardless of letter case and of how their accents are coded.
    """
    if match_on == "name":
        return normalize("NFC", normalize("NFC", value).strip().casefold())
    return normalize("NFC", normalize("NFC", value).strip().lower()) if match_on == "email" else value.strip()


def overlong(record: Mapping[str, Any], link: str | None, shape: Shape) -> str | None:
    """Name the identifier that is longer than Intercom keeps, if one is: cut off it would be another's."""
    values = {name: match_value(record, name) for name in (shape.match_on, shape.kind.identity, "email")}
    return next((name for name, value in (values | {shape.link: link}).items() if len(value or "") > MAX_STRING), None)


def attributes_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the custom attributes of a record; none when what stands there is no object."""
    found = record.get("custom_attributes")
    return found if isinstance(found, dict) else {}


def link_value(record: Mapping[str, Any], record_id: str | None, shape: Shape) -> str | None:
    """Give the id that is written to the link attribute: the record's own value of it, else the key property's."""
    if not shape.link:
        return None
    return _identifier(attributes_of(record).get(shape.link)) or _identifier(record_id)


def _identifier(value: Any) -> str | None:
    """Return the text of an identifier; None when it is empty, or of a type that identifies nothing."""
    return None if value is None or isinstance(value, (bool, dict, list)) else str(value).strip() or None


def wanted(record: Mapping[str, Any], link: str | None, shape: Shape) -> Wanted:
    """Fit a record's values to what Intercom holds.

    Args:
        record: the identity and the standard fields of its kind at the top, the rest under `custom_attributes`.
        link: the value of the link attribute, as `link_value` gives it.
        shape: the settings and types.

    Raises:
        UnfitRecordError: what stands under `custom_attributes` is no object.
    """
    fitter, source = _Fitter(), dict(attributes_of(record))
    if not source and record.get("custom_attributes"):
        raise UnfitRecordError("the value of `custom_attributes` is no object")
    if shape.link and link:
        source[shape.link] = link
    attributes = {
        name: fitter.fit(name, shape.types[name], value, shape.options.get(name))
        for name, value in source.items()
        if name in shape.types and name != shape.created_by
    }
    for name in source.keys() - shape.types.keys():
        if shape.owns(name) and not is_blank(source[name]) and source[name] not in ([], {}):
            fitter.unfit[name] = "no attribute of Intercom holds a value of this type, or has such a name"
    standard = {name: fitter.fit(name, type_, record.get(name)) for name, type_ in shape.kind.standard.items()}
    return Wanted(match_value(record, shape.kind.identity), standard, attributes, fitter.cut, fitter.unfit)


def changes(want: Wanted, found: Mapping[str, Any], shape: Shape, *, convert: bool = False) -> dict[str, Change]:
    """Compare, per field, what Intercom should hold with what it holds; an empty result means nothing to write.

    The match key and an identity that has a value are never in the result; null clears owned attributes only; an
    empty standard field leaves Intercom's value.

    Args:
        want: the record.
        found: the contact or company as found.
        shape: the settings and types.
        convert: make a user of a lead.

    Returns:
        By field name; a custom attribute is named `custom_attributes.<name>`.
    """
    held = found.get("custom_attributes") or {}
    identity, result = shape.kind.identity, {}
    if convert and found.get("role") != "user":
        result["role"] = Change(found.get("role"), "user")
    if not found.get(identity) and want.identity and (shape.update_all or held.get(shape.created_by) is True):
        result[identity] = Change(found.get(identity), want.identity)
    if shape.update_all:
        result |= _standard_changes(want, found, shape)
    return result | _attribute_changes(want, held, shape)


def clearing(found: Mapping[str, Any], shape: Shape) -> dict[str, Change]:
    """Return the changes that take this integration's values and link off a record; who created it stays true."""
    held = found.get("custom_attributes") or {}
    return {
        f"custom_attributes.{name}": Change(value, None)
        for name, value in held.items()
        if shape.owns(name) and name != shape.created_by and value not in {None, ""}
    }


def update_body(found: Mapping[str, Change]) -> dict[str, Any]:
    """Give the body of the PUT that makes these changes."""
    body: dict[str, Any] = {}
    for name, change in found.items():
        parent, _, attribute = name.partition(".")
        if attribute:
            body.setdefault(parent, {})[attribute] = change.after
        else:
            body[name] = change.after
    return body


def create_body(want: Wanted, shape: Shape) -> dict[str, Any]:
    """Give the body of the POST for a new user or company.

    Of a user matched by e-mail the external id is left out: only then is the e-mail address unique, so that Intercom's
    409 is a strongly consistent check that nobody has it. It follows by PUT.
    """
    attributes = {name: value for name, value in want.attributes.items() if value is not None}
    body = {name: value for name, value in want.standard.items() if value is not None}
    if shape.kind is CONTACT:
        body["role"] = "user"
    if shape.match_on != "email":
        body[shape.kind.identity] = want.identity
    return body | {"custom_attributes": attributes | {shape.created_by: True}}


def creation(want: Wanted, shape: Shape) -> dict[str, Change]:
    """Give the changes that `create_body` makes, in the form of `changes`."""
    body = create_body(want, shape)
    attributes = body.pop("custom_attributes")
    flat = body | {f"custom_attributes.{name}": value for name, value in attributes.items()}
    return {name: Change(None, value) for name, value in flat.items()}


def _standard_changes(want: Wanted, found: Mapping[str, Any], shape: Shape) -> dict[str, Change]:
    fixed = {shape.match_on, *shape.kind.created_only}
    return {
        name: Change(found.get(name), want.standard[name])
        for name, data_type in shape.kind.standard.items()
        if name not in fixed
        and want.standard[name] is not None
        and not _same_standard(name, data_type, want.standard[name], found.get(name))
    }


def _attribute_changes(want: Wanted, held: Mapping[str, Any], shape: Shape) -> dict[str, Change]:
    found = {}
    for name, value in want.attributes.items():
        may_write = shape.owns(name) or (shape.update_all and value is not None)
        if may_write and not same(shape.types[name], value, held.get(name)):
            found[f"custom_attributes.{name}"] = Change(held.get(name), value)
    if held.get(shape.created_by) is None:
        found[f"custom_attributes.{shape.created_by}"] = Change(None, after=False)
    return found


def same(data_type: str, value: Any, held: Any) -> bool:
    """Compare a fitted value with the one Intercom holds, by type: 49 is 49.0, a date is its second, "" is nothing."""
    if value is None or held is None or held == "":
        return value is None and (held is None or held == "")
    if data_type in {"string", "boolean"}:
        return type(value) is type(held) and bool(value == held)
    try:
        return float(value) == float(held)
    except (TypeError, ValueError):
        return False


def _same_standard(name: str, data_type: str, value: Any, held: Any) -> bool:
    # Intercom may keep e-mail addresses in lower case: another case is no change, or it would be written for ever.
    if name == "email":
        return isinstance(held, str) and value is not None and match_key(value, name) == match_key(held, name)
    return same(data_type, value, held)


def _string(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise TypeError
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def _integer(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool) or number != float(value) or abs(number) > MAX_INTEGER:
        raise ValueError
    return number


def _whole(value: Any) -> int:
    """Cut the fraction off, as Intercom does."""
    number = int(read_float(value))
    if number > MAX_WHOLE:
        raise ValueError
    return number


def _unix(value: Any) -> int:
    """Give unix seconds of an ISO 8601 text (UTC when it names no zone), or of a number that already is."""
    if not isinstance(value, str):
        return _integer(value)
    moment = datetime.fromisoformat(value.strip())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


_FITTERS: Mapping[str, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "whole number": _whole,
    "float": read_float,
    "boolean": read_boolean,
    "date": _unix,
}
