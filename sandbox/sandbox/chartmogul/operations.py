"""The parts of an operation: an authenticated call, and the table row that says how it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import shapes
from sandbox.chartmogul.errors import Refusal, build_refusal, missing_parameter, refuse_first, wrong_type
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.customers import Customer
    from sandbox.chartmogul.records import Record
    from sandbox.json_types import JsonObject

API = "API"
"""The author of a change, as the history names it."""


@dataclass(frozen=True)
class Call:
    """One authenticated call: the path's and the query's parameters by name, and the JSON object sent."""

    account: Account
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject

    @property
    def now(self) -> int:
        """The business clock's present, in unix seconds."""
        return self.account.now

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is true."""
        return self.query.get(name) == "true"

    def find_customer(self) -> Customer:
        """Return the customer in the path."""
        return self.account.customers.get(self.path["uuid"])

    def require(self, *names: str) -> None:
        """Check that the body has these parameters.

        Raises:
            Refusal: 400 for the first missing one.
        """
        for name in names:
            if name not in self.body:
                raise missing_parameter(name)

    def show_history(self, record: Record, known: Collection[str]) -> JsonObject:
        """Return the history of the fields that the query names; nothing if it names none.

        Raises:
            Refusal: 422, one of them is unknown; letter case matters.
        """
        if "attributes_with_history" not in self.query:
            return {}
        names = self.query["attributes_with_history"].split(",")
        for name in names:
            if name not in known:
                raise build_refusal(422, f"Unknown attribute: {name}", "attributes_with_history")
        return shapes.show_history(record, names)

    def overrides(self, known: Collection[str], *above: str) -> dict[str, bool]:
        """Return the body's flags by field; those of custom attributes, which stand below `above`, as `custom.key`.

        Raises:
            Refusal: 422, not an object of booleans, or an unknown field.
        """
        plain = _check_object("overrides", self.body.get("overrides"))
        inner = plain
        for level in above:
            inner = _check_object(level, inner.get(level))
        custom = _check_object("custom", inner.get("custom"))
        flags = {name: flag for name, flag in plain.items() if name not in (*above, "custom")}
        flags |= {CUSTOM + key: flag for key, flag in custom.items()}
        for name, flag in flags.items():
            if name not in known and not name.startswith(CUSTOM):
                raise build_refusal(422, f"Unknown attribute: {name}", "overrides")
            if not isinstance(flag, bool):
                raise wrong_type(f"overrides/{name}", flag, "boolean")
        return flags


def _check_object(name: str, value: Any) -> JsonObject:
    if value is not None and not isinstance(value, dict):
        raise wrong_type(name, value, "object")
    return value or {}


@dataclass(frozen=True)
class Operation:
    """One method on one path.

    Attributes:
        run: carries a call out and gives the body of the answer; None for none.
        status: of an answer.
        refuse: the shape in which invalid fields are answered.
        deletes: what the answer calls deleted; its status depends on a setting.
    """

    method: str
    path: str
    run: Callable[[Call], JsonObject | None]
    status: int = 200
    refuse: Callable[[Mapping[str, str]], Refusal] = refuse_first
    deletes: str = ""

    def answer(self, call: Call) -> tuple[int, JsonObject | None]:
        """Return status and body of the answer.

        Raises:
            Refusal: the call cannot be carried out.
            Invalid: fields of its body have values that are not allowed.
        """
        body = self.run(call)
        if not self.deletes:
            return self.status, body
        if call.account.settings.chartmogul_delete_messages:
            return 202, (body or {}) | {"message": f"{self.deletes} deleted"}
        return (204, None) if self.status == 204 else (self.status, {})  # noqa: PLR2004 - no content
