"""What a list of Chargebee's API is, as a row: filters, sorts, siblings, catalogs. The rows stand in ``*_lists.py``.

See https://apidocs.chargebee.com/docs/api.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BOTH = (1, 2)
"""Product Catalogs: plans and addons, items and item prices."""


@dataclass(frozen=True)
class Filter:
    """A field that a list can be filtered by: its kind, the values that an enumeration takes, and where it exists.

    An enumeration without values takes any: the vendor's has dozens and grows with each release.
    """

    kind: str
    values: tuple[str, ...] = ()
    catalogs: tuple[int, ...] = BOTH
    field: str = ""
    """The field that it is about where that is not its name."""
    operator: str = "is"
    """Of a parameter without an operator: how it compares."""
    tested: bool = True
    """False: it is read, and every record passes."""


@dataclass(frozen=True)
class Resource:
    """One list and its ``GET`` by id. ``path`` is below the base; a child's holds ``{id}``, its parent's id."""

    path: str
    object: str
    filters: dict[str, Filter] = field(default_factory=dict)
    order: str = "created_at"
    """The sort when none is asked for."""
    sorts: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    include_deleted: bool = False
    catalogs: tuple[int, ...] = BOTH
    name: str = ""
    """The table of the records where it is not called as the path is."""
    parent: str | None = None
    """The table of a child's parents, and with it ``parent_key``, the attribute of a child that names its parent."""
    parent_key: str = ""
    equals: dict[str, Filter] = field(default_factory=dict)
    """Parameters that are filters without an operator, as in ``entity_type=customer``."""
    flags: tuple[str, ...] = ()
    """Booleans that the vendor's list knows and that change nothing here."""
    required: tuple[str, ...] = ()
    """Those of ``equals`` without which the list is refused."""
    retrieved: bool = True
    """Whether there is a ``GET`` by id."""
    lined: bool = False
    """Whether the retrieval pages through line items."""

    @property
    def table(self) -> str:
        """The name of the table that holds the records."""
        return self.name or self.path


def strings(*names: str) -> dict[str, Filter]:
    """Filters of text."""
    return dict.fromkeys(names, Filter("string"))


def numbers(*names: str) -> dict[str, Filter]:
    """Filters of whole numbers."""
    return dict.fromkeys(names, Filter("number"))


def booleans(*names: str) -> dict[str, Filter]:
    """Filters of true and false."""
    return dict.fromkeys(names, Filter("boolean"))


def times(*names: str) -> dict[str, Filter]:
    """Filters of instants."""
    return dict.fromkeys(names, Filter("timestamp"))


def enum(values: str = "") -> Filter:
    """A filter of an enumeration; its values are words, none where any is taken."""
    return Filter("enum", tuple(values.split()))


CHANNEL = enum("web app_store play_store")
OFFLINE = enum(
    "no_preference cash check bank_transfer ach_credit sepa_credit boleto us_automated_bank_transfer"
    " eu_automated_bank_transfer"
    " uk_automated_bank_transfer jp_automated_bank_transfer mx_automated_bank_transfer custom"
)
PRICING = enum("flat_fee per_unit tiered volume stairstep")
PRICE_TYPE = enum("tax_exclusive tax_inclusive")
CATALOG_STATUS = enum("active archived deleted")
PERIOD_UNIT = enum("day week month year")
TRIAL_UNIT = enum("day month")
SOURCE = enum(
    "admin_console api bulk_operation scheduled_job hosted_page portal system none js_api migration external_service"
)
ENTITY_TYPE = enum(
    "customer subscription invoice quote credit_note transaction plan addon coupon order item_family item item_price"
    " plan_item addon_item charge_item plan_item_price addon_item_price charge_item_price plan_price addon_price"
    " charge_price differential_price attached_item feature business_entity price_variant"
)
SITE_LEVEL = {"business_entity_id": Filter("string"), "include_site_level_resources": Filter("boolean")}
