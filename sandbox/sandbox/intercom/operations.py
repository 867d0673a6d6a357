"""The parts of an operation: an authenticated call, and the table row with its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import urlencode

from sandbox.intercom import shapes
from sandbox.intercom.errors import Refusal, parameter_invalid, refuse
from sandbox.intercom.paging import cut_page, read_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.threads import Thread
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject, JsonValue

R = TypeVar("R")
Sizes: TypeAlias = tuple[int, int]
"""Default and largest page size."""
PAGING = frozenset({"page", "per_page"})


@dataclass(frozen=True)
class Call:
    """One authenticated call.

    Attributes:
        path: the path's parameters by name.
        query: the query string's parameters by name.
        body: the JSON object sent, empty if none was.
        base: the API's address as the caller knows it, for links to further pages.
    """

    workspace: Workspace
    version: Version
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject
    base: str

    @property
    def now(self) -> int:
        """The business clock's present, in unix seconds."""
        return self.workspace.clock.now()

    @property
    def contact(self) -> Contact:
        """The contact in the path."""
        return self.workspace.contacts.get(self.path["id"])

    @property
    def company(self) -> Company:
        """The company in the path."""
        return self.workspace.companies.get(self.path["id"])

    @property
    def conversation(self) -> Thread:
        """The conversation in the path."""
        return self.workspace.conversations.get(self.path["id"])

    @property
    def ticket(self) -> Thread:
        """The ticket in the path."""
        return self.workspace.tickets.get(self.path["id"])

    def read_body(self, *names: str, **kinds: type) -> JsonObject:
        """Return these fields of the body; refuse a field of another type."""
        body = self.check_fields(self.body, *names, *kinds)
        for name, kind in kinds.items():
            if name in body and type(body[name]) is not kind:
                raise parameter_invalid(f"{name} must be a {kind.__name__}", name)
        return body

    def check_fields(self, value: JsonObject, *names: str) -> JsonObject:
        """Return these fields of an object; others are refused or dropped, as the setting says."""
        unknown = next((name for name in value if name not in names), None)
        if unknown is not None and self.workspace.settings.refuse_unknown_fields:
            raise refuse("parameter unknown", name=unknown)
        return {name: value[name] for name in names if name in value}

    def read_choice(self, name: str, choices: Sequence[str]) -> str:
        """Return a field that must be one of some words, or raise a 400 Refusal."""
        value = self.body.get(name)
        if value not in choices:
            raise parameter_invalid(f"{name} must be one of: {', '.join(choices)}", name)
        return str(value)

    def find_document(self, kind: str, record_id: JsonValue, code: str = "not_found", message: str = "") -> JsonObject:
        """Return a document of the library, or raise a 404 Refusal."""
        found = self.workspace.library.find(kind, str(record_id))
        if found is None:
            raise Refusal(404, code, message or "Resource Not Found")
        return found

    def find_admin(self, admin_id: JsonValue) -> JsonObject:
        """Return an admin, or raise a Refusal: 404 `admin_not_found`."""
        return self.find_document("admins", admin_id, "admin_not_found", "Admin not found")

    def show_contact(self, record: Contact) -> JsonObject:
        """Return a contact in the shape of the call's version."""
        return shapes.show_contact(self.workspace, record, self.version)

    def show_company(self, record: Company) -> JsonObject:
        """Return a company in its present state."""
        return shapes.show_company(self.workspace, record)

    def make_page(self, path: str, records: Sequence[R], show: Callable[[R], JsonObject], sizes: Sizes) -> JsonObject:
        """Return the requested numbered page; `pages.next` is the next page's address, or null on the last."""
        page = read_count(self.query.get("page"), "page", 1)
        per_page = read_count(self.query.get("per_page"), "per_page", *sizes)
        found = cut_page(records, page, per_page)
        if found.pages["next"] is not None:
            query = urlencode({**self.query, "page": page + 1, "per_page": per_page})
            found.pages["next"] = f"{self.base}{path}?{query}"
        data = [show(one) for one in found.records]
        return {"type": "list", "data": data, "total_count": found.total, "pages": found.pages}


@dataclass(frozen=True)
class Operation:
    """One method on one path.

    Attributes:
        run: carries a call out and gives the answer's body.
        query: the query parameters it knows.
        since: the API version that brought it.
        status: the status of the answer; without a body for an operation that returns None.
    """

    method: str
    path: str
    run: Callable[[Call], JsonValue]
    query: frozenset[str] = frozenset()
    since: Version = (2, 0)
    status: int = 200
