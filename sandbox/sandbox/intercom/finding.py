"""What all searches share: a body with a query, a page and an order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from sandbox.intercom.attributes import RELATIONSHIP
from sandbox.intercom.errors import Refusal, parameter_invalid, parameter_missing, refuse
from sandbox.intercom.fixtures import read_fixture
from sandbox.intercom.paging import Ask, Found, Order, read_count
from sandbox.intercom.search import CUSTOM, Node, Rules, parse_query
from sandbox.intercom.stored import R, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.intercom.operations import Call, Sizes
    from sandbox.json_types import JsonObject

ORDERS = {"ascending": False, "descending": True}
SEVERAL = ("tag", "members")
"""Kinds of fields with several values, which cannot be sorted by."""


def read_fields(name: str) -> dict[str, str]:
    """Return the fields that records can be searched by, each with its kind."""
    return {field: kind for kind, fields in read_fixture("fields")[name].items() for field in fields}


@dataclass(frozen=True)
class Finder(Generic[R]):
    """One kind of records that can be searched.

    Attributes:
        store: where they are.
        fields: the kind of each field that can be searched by.
        sizes: records on a page, when not asked for and at most.
        model: the model whose custom attributes can be searched by, too.
    """

    store: Callable[[Call], Store[R]]
    fields: Mapping[str, str]
    sizes: Sizes
    model: str | None = None

    def read_query(self, call: Call) -> Node:
        """Return the query in the body, or raise a 400 Refusal when it is wrong."""
        body = call.read_body("query", "pagination", "sort")
        if body.get("query") is None:
            raise parameter_missing("query not specified")
        settings = call.workspace.settings
        ignore_case = frozenset({"email"} if self.model and settings.email_search_ignores_case else ())
        rules = Rules(
            type_of=lambda field: self._find_kind(call, field),
            zone=call.workspace.zone,
            max_in_values=settings.max_in_values,
            ignore_case=ignore_case,
            read=self.store(call).read,
            inclusive=settings.search_bounds_inclusive,
            strict=settings.refuse_unknown_fields,
        )
        return parse_query(body["query"], rules)

    def search(self, call: Call) -> Found[R]:
        """Return a page of the records that match a query; `pagination.page` has no effect."""
        query = self.read_query(call)
        # The query's text is the name of the sorted list, so that the next page uses the same list.
        name = json.dumps(call.body["query"], sort_keys=True)
        pagination = call.check_fields(_read_object(call.body, "pagination"), "per_page", "starting_after", "page")
        per_page = read_count(pagination.get("per_page"), "per_page", *self.sizes)
        ask = Ask(per_page, pagination.get("starting_after"), self._read_order(call))
        return self.store(call).search(query, name, ask, call.now)

    def _find_kind(self, call: Call, field: str) -> str | None:
        if self.model is None or not field.startswith(CUSTOM):
            return self.fields.get(field)
        found = call.workspace.attributes.get(self.model, field.removeprefix(CUSTOM))
        return found.data_type if found and found.data_type != RELATIONSHIP else None

    def _read_order(self, call: Call) -> Order:
        sort = call.check_fields(_read_object(call.body, "sort"), "field", "order")
        field, order = sort.get("field", "created_at"), sort.get("order", "descending")
        if not isinstance(order, str) or order not in ORDERS:
            raise Refusal(400, "invalid_sort_order", "sort order must be ascending or descending")
        if not isinstance(field, str) or self._find_kind(call, field) in (None, *SEVERAL):
            raise refuse("field unknown", name=field)
        return Order(field, ORDERS[order])


def _read_object(body: JsonObject, name: str) -> JsonObject:
    value = body.get(name)
    if not isinstance(value, dict | None):
        raise parameter_invalid(f"{name} must be an object", name)
    return value or {}
