"""Answers that several operations give: a record's shape within a call, and numbered pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlencode

from sandbox.intercom import shapes, shown
from sandbox.intercom.paging import numbered, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.operations import Call

R = TypeVar("R")
Shape: TypeAlias = "Callable[[Call, R], dict[str, Any]]"
Sizes = tuple[int, int]
"""Records a page: when not asked for, and at most."""


def contact(call: Call, record: Contact) -> dict[str, Any]:
    """A contact in the shape of the call's version."""
    return shown.contact(call.workspace, record, call.version)


def company(call: Call, record: Company) -> dict[str, Any]:
    """A company as it stands."""
    return shown.company(call.workspace, record)


def numbered_page(call: Call, path: str, records: Sequence[R], shape: Shape[R], sizes: Sizes) -> dict[str, Any]:
    """The numbered page of a list that the call asks for; `pages.next` is the next page's address, null on the last.

    Raises:
        Refusal: 400 for a `page` or `per_page` that is none.
    """
    page = whole_number(call.query.get("page"), "page", 1)
    per_page = whole_number(call.query.get("per_page"), "per_page", *sizes)
    found = numbered(records, page, per_page)
    if found.pages["next"] is not None:
        query = urlencode({**call.query, "page": page + 1, "per_page": per_page})
        found.pages["next"] = f"{call.base}{path}?{query}"
    return shapes.listed((shape(call, one) for one in found.records), found.total, found.pages)


def with_next_object(page: dict[str, Any]) -> dict[str, Any]:
    """The same numbered page, its `pages.next` an object as in cursor pages: so some lists are described."""
    pages = page["pages"]
    following = {"page": pages["page"] + 1, "per_page": pages["per_page"]} if pages["next"] else None
    return {**page, "pages": {**pages, "next": following}}
