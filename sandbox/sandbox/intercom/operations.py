"""What an operation of the API is made of: a call that was let in, and the table row that says what it may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom.errors import bad_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.workspace import Workspace


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
    body: dict[str, Any]
    base: str

    @property
    def now(self) -> int:
        """The business clock's present, in unix seconds."""
        return self.workspace.clock.now()

    def known(self, *names: str) -> dict[str, Any]:
        """The body, if it holds none but these fields.

        Raises:
            Refusal: 400 for another field, where the workspace refuses unknown ones.
        """
        return self.only(self.body, *names)

    def only(self, given: dict[str, Any], *names: str) -> dict[str, Any]:
        """An object of the body, if it holds none but these fields.

        Raises:
            Refusal: 400 for another field, where the workspace refuses unknown ones.
        """
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None and self.workspace.settings.refuse_unknown_fields:
            raise bad_parameter(unknown)
        return given


@dataclass(frozen=True)
class Operation:
    """One method on one path.

    Attributes:
        run: carries a call out and gives the answer's body.
        query: the query parameters it knows.
        since: the API version that brought it.
        deleted_with: the body fields that a deletion knows; what other operations know, they say themselves.
    """

    method: str
    path: str
    run: Callable[[Call], Any]
    query: frozenset[str] = frozenset()
    since: Version = (2, 0)
    deleted_with: frozenset[str] = frozenset()
