"""How an undo reads, compares and writes customers and contacts, see `_kit.undo_run`.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from target_chartmogul._kit.journal import Who
from target_chartmogul._kit.undo_run import GONE, Remote, Restorer
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.object_types import CONTACT, CUSTOMER, MERGES, OBJECT_TYPES, SOURCES
from target_chartmogul.records.payloads import build_contact, build_fields, list_cleared_attributes, list_tags
from target_chartmogul.records.remote import CUSTOM, CUSTOMER_ID, TAG
from target_chartmogul.records.values import is_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_chartmogul._kit.changes import Change, Changes
    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul._kit.undo import Written
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.records.remote import RemoteObject

KEPT_BY_CHARTMOGUL = "ChartMogul shows another value after the write"


class RecordRestorer(Restorer):
    """Puts back fields of customers and contacts. Used from several threads.

    Args:
        client: the connection.
    """

    streams: ClassVar[Sequence[str]] = (CONTACT.stream, CUSTOMER.stream)
    final_actions: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"delete": "the run deleted it, and ChartMogul cannot restore it"}
    )
    final_streams: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            MERGES: "the run merged it: `target-chartmogul-admin unmerge` undoes that",
            SOURCES: "a data source that the run created stays: `target-chartmogul-admin delete-source` deletes it",
        }
    )

    def __init__(self, client: ChartMogulClient) -> None:
        self._client = client

    def fetch(self, stream: str, remote_id: str) -> HeldObject | None:
        """Read a customer or contact; None when ChartMogul does not show it any more."""
        try:
            return HeldObject(self._client.read_object(OBJECT_TYPES[stream], remote_id))
        except RecordRefusedError as error:
            if error.is_missing:
                return None
            raise

    def is_same(self, stream: str, name: str, value: JsonValue, other: JsonValue) -> bool:
        """Compare as a run does: 49 equals 49.0, dates equal to the second, "" is empty; addresses ignore case."""
        return is_same(_find_type(stream, name, value, other), None if value == "" else value, other)

    def find_obstacle(self, stream: str, name: str, change: Change) -> str | None:  # noqa: ARG002 the base's
        """Return why the earlier value of a field cannot be written."""
        if name == CUSTOMER_ID:
            return "the run moved the contact to another customer: move it back in ChartMogul"
        return None

    def restore(self, written: Written, changes: Mapping[str, Change]) -> dict[str, str]:
        """Write the earlier values, and return the reason for each field that ChartMogul did not take."""
        refused: dict[str, str] = {}
        uuid = written.remote_id or ""
        for group, write in self._list_writes(written.stream, uuid, changes):
            refused |= _write_group(group, write)
        remote = self.fetch(written.stream, uuid)
        held = remote.read_fields(changes) if remote else {}
        for name, change in changes.items():
            if name not in refused and not self.is_same(written.stream, name, held.get(name), change.after):
                refused[name] = KEPT_BY_CHARTMOGUL if remote else GONE
        return refused

    def archive(self, written: Written, remote: Remote) -> str:  # noqa: ARG002 the base's
        """Return why a created record stays: ChartMogul has no archive."""
        return "ChartMogul has no archive: delete it there"

    def _list_writes(
        self, stream: str, uuid: str, changes: Mapping[str, Change]
    ) -> Iterator[tuple[Changes, Callable[[Changes], object]]]:
        """Yield the changes in groups, each with the function that writes it in one request."""
        client = self._client
        if stream == CONTACT.stream:
            yield dict(changes), lambda group: client.update_object(CONTACT, uuid, build_contact(group))
            return
        plain = {name: one for name, one in changes.items() if not name.startswith((CUSTOM, TAG))}
        yield plain, lambda group: client.update_object(CUSTOMER, uuid, build_fields(group))
        custom = {name: one for name, one in changes.items() if name.startswith(CUSTOM)}
        filled = {name: one for name, one in custom.items() if one.after is not None}
        yield filled, lambda group: client.set_attributes(uuid, [_build_attribute(*one) for one in group.items()])
        cleared = {name: one for name, one in custom.items() if one.after is None}
        yield cleared, lambda group: client.clear_attributes(uuid, list_cleared_attributes(group))
        tags = {name: one for name, one in changes.items() if name.startswith(TAG)}
        unset = {name: one for name, one in tags.items() if not one.after}
        yield unset, lambda group: client.remove_tags(uuid, list_tags(group))
        again = {name: one for name, one in tags.items() if one.after}
        yield again, lambda group: client.add_tags(uuid, list_tags(group))


class HeldObject(Remote):
    """A customer or contact as ChartMogul shows it now."""

    def __init__(self, entry: RemoteObject) -> None:
        self._entry = entry

    @property
    def who(self) -> Who:
        """Its name and e-mail address."""
        names = (getattr(self._entry, name, None) for name in ("name", "first_name", "last_name"))
        return Who(" ".join(filter(None, names)), getattr(self._entry, "email", None) or "")

    def read_fields(self, fields: Mapping[str, Change]) -> Mapping[str, JsonValue]:
        """Return the present values of these fields."""
        keys = [name.removeprefix(CUSTOM) for name in fields if name.startswith(CUSTOM)]
        values = dict(self._entry.to_record("", keys).values)
        return {"external_id": self._entry.external_id, **values}


def _write_group(group: Changes, write: Callable[[Changes], object]) -> dict[str, str]:
    """Write changes in one request, or one by one if they are refused together."""
    if not group:
        return {}
    try:
        write(group)
    except RecordRefusedError as error:
        if error.is_missing:
            return dict.fromkeys(group, GONE)
        if len(group) == 1:
            return dict.fromkeys(group, f"ChartMogul refused: {error.reason}")
        refused: dict[str, str] = {}
        for name, change in group.items():
            refused |= _write_group({name: change}, write)
        return refused
    return {}


def _find_type(stream: str, name: str, *values: JsonValue) -> str:
    """Return the type by which values of a field are compared. For an attribute it is inferred from the values."""
    if not name.startswith(CUSTOM):
        return OBJECT_TYPES[stream].fields.get(name, "tag" if name.startswith(TAG) else "text")
    known = [one for one in values if one is not None and one != ""]
    return _infer_type(known[0]) if known and len({_infer_type(one) for one in known}) == 1 else "String"


def _infer_type(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Decimal" if isinstance(value, float) else "Integer"
    return "Timestamp" if _is_moment(str(value)) else "String"


def _is_moment(text: str) -> bool:
    try:
        return "T" in text and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _build_attribute(name: str, change: Change) -> JsonObject:
    # The present value shows the type as well as the earlier one does.
    types = {_infer_type(one) for one in (change.before, change.after) if one is not None}
    data_type = "Decimal" if types == {"Integer", "Decimal"} else _infer_type(change.after)
    return {"type": data_type, "key": name.removeprefix(CUSTOM), "value": change.after}
