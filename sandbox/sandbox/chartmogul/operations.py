"""What an operation of the API is made of: a call that was let in, and the table row that says how it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.chartmogul.errors import Refusal, by_code, coded, missing, wrong_shape
from sandbox.chartmogul.fields import absent
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sandbox.chartmogul.account import Account

API = "API"
"""Who writes, as the history tells it."""


@dataclass(frozen=True)
class Call:
    """One authenticated call: the path's and the query's parameters by name, and the JSON object sent."""

    account: Account
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]

    @property
    def now(self) -> int:
        """The business clock's present, in unix seconds."""
        return self.account.now

    def flag(self, name: str) -> bool:
        """Whether a parameter of the query says yes."""
        return self.query.get(name) == "true"

    def required(self, *names: str) -> None:
        """Make sure that the body holds these.

        Raises:
            Refusal: 400 for the first that it does not.
        """
        name = absent(self.body, names)
        if name is not None:
            raise missing(name)

    def historical_names(self, known: Collection[str]) -> list[str]:
        """The fields whose history is asked for.

        Raises:
            Refusal: 422, one of them is unknown; letter case matters.
        """
        names = self.query["attributes_with_history"].split(",")
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise coded(422, f"Unknown attribute: {unknown}", "attributes_with_history")
        return names

    def overrides(self, known: Collection[str], *above: str) -> dict[str, bool]:
        """The body's flags by field, those of custom attributes, which stand below `above`, as `custom.key`.

        Raises:
            Refusal: 422, they are no object of booleans, or name a field that is not known.
        """
        given = _object("overrides", self.body.get("overrides"))
        inner = given
        for level in above:
            inner = _object(level, inner.get(level))
        custom = _object("custom", inner.get("custom"))
        plain = {name: flag for name, flag in given.items() if name not in (*above, "custom")}
        flags = plain | {CUSTOM + key: flag for key, flag in custom.items()}
        for name, flag in flags.items():
            if name not in known and not name.startswith(CUSTOM):
                raise coded(422, f"Unknown attribute: {name}", "overrides")
            if not isinstance(flag, bool):
                raise wrong_shape(f"overrides/{name}", flag, "boolean")
        return flags


def _object(name: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise wrong_shape(name, value, "object")
    return value or {}


@dataclass(frozen=True)
class Operation:
    """One method on one path.

    Attributes:
        run: carries a call out and gives the body of the answer; None for none.
        status: of an answer.
        invalid: the shape in which invalid fields are told.
        deletes: what the answer calls deleted; its status hangs on a switch.
    """

    method: str
    path: str
    run: Callable[[Call], dict[str, Any] | None]
    status: int = 200
    invalid: Callable[[Mapping[str, str]], Refusal] = by_code
    deletes: str = ""

    def answer(self, call: Call) -> tuple[int, dict[str, Any] | None]:
        """Status and body of the answer.

        Raises:
            Refusal: the call cannot be carried out.
            Invalid: fields of its body cannot be.
        """
        body = self.run(call)
        if not self.deletes:
            return self.status, body
        if call.account.settings.chartmogul_delete_messages:
            return 202, (body or {}) | {"message": f"{self.deletes} deleted"}
        return (204, None) if self.status == 204 else (self.status, {})  # noqa: PLR2004 - no content
