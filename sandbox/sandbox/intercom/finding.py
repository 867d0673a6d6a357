"""What the searches of all kinds of records have in common: a body that is a query, a page and an order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from sandbox.intercom.errors import Refusal, invalid_field, parameter_invalid, parameter_missing
from sandbox.intercom.paging import Ask, Found, Order, whole_number
from sandbox.intercom.search import Node, Rules, parse
from sandbox.intercom.stored import R, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.intercom.answers import Sizes
    from sandbox.intercom.operations import Call

ORDERS = {"ascending": False, "descending": True}
SEVERAL = ("tag", "members")
"""Kinds of fields that hold several values: there is no order by them."""


@dataclass(frozen=True)
class Finder(Generic[R]):
    """One kind of records that can be searched.

    Attributes:
        store: where they are.
        kind_of: the kind of a field by its full name, None for one that cannot be searched by.
        sizes: records a page, when not asked for and at most.
        ignore_case: fields compared without regard to letter case.
    """

    store: Callable[[Call], Store[R]]
    kind_of: Callable[[Call, str], str | None]
    sizes: Sizes
    ignore_case: Callable[[Call], frozenset[str]] = lambda _: frozenset()

    def query(self, call: Call) -> Node:
        """The query that the body holds.

        Raises:
            Refusal: 400 for one that makes no sense.
        """
        body = call.known("query", "pagination", "sort")
        if body.get("query") is None:
            raise parameter_missing("query not specified")
        return parse(body["query"], self._rules(call))

    def search(self, call: Call) -> Found[R]:
        """A page of the records that match a query; `pagination.page` has no effect."""
        query = self.query(call)
        name = json.dumps(call.body["query"], sort_keys=True)
        return self.store(call).search(query, name, self._ask(call), call.now)

    def _ask(self, call: Call) -> Ask:
        pagination = call.only(_object(call.body, "pagination"), "per_page", "starting_after", "page")
        per_page = whole_number(pagination.get("per_page"), "per_page", *self.sizes)
        sort = call.only(_object(call.body, "sort"), "field", "order")
        return Ask(per_page, pagination.get("starting_after"), self._order(call, sort))

    def _rules(self, call: Call) -> Rules:
        settings = call.workspace.settings
        return Rules(
            type_of=lambda field: self.kind_of(call, field),
            zone=call.workspace.zone,
            max_in_values=settings.max_in_values,
            ignore_case=self.ignore_case(call),
            read=self.store(call).read,
            inclusive=settings.search_bounds_inclusive,
            strict=settings.refuse_unknown_fields,
        )

    def _order(self, call: Call, sort: dict[str, Any]) -> Order:
        field, order = sort.get("field", "created_at"), sort.get("order", "descending")
        if not isinstance(order, str) or order not in ORDERS:
            raise Refusal(400, "invalid_sort_order", "sort order must be ascending or descending")
        if not isinstance(field, str) or self.kind_of(call, field) in (None, *SEVERAL):
            raise invalid_field(field)
        return Order(field, ORDERS[order])


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict | None):
        raise parameter_invalid(f"{name} must be an object", name)
    return value or {}
