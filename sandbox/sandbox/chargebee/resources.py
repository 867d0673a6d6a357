"""Every list of Chargebee that the sandbox serves. They are data: ``lists.json``, checked against the vendor's pages.

See https://apidocs.chargebee.com/docs/api. A path may be below a parent: ``customers/{id}/contacts``. A filter is
written as ``"names": "kind"``. The kind has one of four forms:

- one of :data:`KINDS`,
- the values of an enumeration,
- the ``@name`` of an enumeration that several lists share,
- an object with members of :class:`Filter`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from sandbox.business.events import EVENT_TYPES
from sandbox.chargebee.operators import KINDS

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject

BOTH = (1, 2)
"""The Product Catalogs: 1 has plans and addons, 2 has items and item prices."""


@dataclass(frozen=True)
class Filter:
    """A field that a list can be filtered by: its kind, the values that an enumeration takes, and where it exists.

    An enumeration without values takes any: the vendor's has dozens and grows with each release.
    """

    kind: str
    values: tuple[str, ...] = ()
    catalogs: tuple[int, ...] = BOTH
    field: str = ""
    """The field that it reads, when that has another name."""
    operator: str = "is"
    """How a parameter without an operator compares."""
    tested: bool = True
    """When false, the value is checked but every record passes."""


@dataclass(frozen=True)
class Resource:
    """One list and its ``GET`` by id. ``path`` is below the base; a child's holds ``{id}``, its parent's id."""

    path: str
    object: str
    filters: dict[str, Filter] = field(default_factory=dict)
    order: str = "created_at"
    """The sort of a request without sort_by."""
    sorts: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    include_deleted: bool = False
    catalogs: tuple[int, ...] = BOTH
    table: str = ""
    """The table of the records; the last part of the path unless said otherwise."""
    parent: str | None = None
    """The table of a child's parents, and with it ``parent_key``, the attribute of a child that names its parent."""
    parent_key: str = ""
    equals: dict[str, Filter] = field(default_factory=dict)
    """Parameters that are filters without an operator, as in ``entity_type=customer``."""
    flags: tuple[str, ...] = ()
    """Boolean parameters that are accepted but have no effect here."""
    required: tuple[str, ...] = ()
    """The parameters of ``equals`` that the list requires."""
    retrieved: bool = True
    """Whether there is a ``GET`` by id; a child has none."""
    lined: bool = False
    """Whether the retrieval pages through line items."""


def _read_resources() -> tuple[Resource, ...]:
    data = msgspec.json.decode((files("sandbox.chargebee") / "lists.json").read_bytes())
    enumerations = {**data["enumerations"], "event_type": EVENT_TYPES}
    described = [_describe_list(path, row, enumerations) for path, row in data["lists"].items()]
    return msgspec.convert(described, tuple[Resource, ...])


def _describe_list(path: str, row: JsonObject, enumerations: JsonObject) -> JsonObject:
    """Return a list's description with every member filled in."""
    parent, _, name = path.rpartition("/{id}/")
    full: JsonObject = {"path": path, "table": name.rpartition("/")[2]}
    if parent:
        full |= {"parent": parent, "parent_key": f"{parent.removesuffix('s')}_id", "retrieved": False}
    filters = {key: _describe_filters(row.get(key, {}), enumerations) for key in ("filters", "equals")}
    return {**full, **row, **filters}


def _describe_filters(row: JsonObject, enumerations: JsonObject) -> JsonObject:
    return {name: _describe_filter(one, enumerations) for names, one in row.items() for name in names.split()}


def _describe_filter(described: str | JsonObject, enumerations: JsonObject) -> JsonObject:
    full = {"kind": described} if isinstance(described, str) else described
    kind = full["kind"]
    if kind in KINDS:
        return full
    return {**full, "kind": "enum", "values": enumerations[kind[1:]] if kind.startswith("@") else kind.split()}


RESOURCES = _read_resources()
