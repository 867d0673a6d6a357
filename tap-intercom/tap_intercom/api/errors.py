"""What Intercom's refusals mean to the user, https://developers.intercom.com/docs/references/rest-api/errors/error-codes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from tap_intercom._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GoneError", "NotOfferedError", "Problem", "ScrollTakenError", "StaleCursorError", "UserError", "refusal"]

LAPSED = "active subscription needed"
"""Intercom's words when the workspace is not paid for, whatever the status and the code."""
TOKEN = frozenset({"", "unauthorized", "token_not_found", "token_revoked", "token_blocked", "token_expired"})
FIRST = "/me"
"""What every run asks for first."""
VERSION = "intercom_version_invalid"
PERMISSIONS = {
    "/admins/activity_logs": "Read admin activity logs",
    "/admins": "Read admins",
    "/teams": "Read admins",
    "/contacts": "Read and list users and companies",
    "/companies": "Read and list users and companies",
    "/segments": "Read and list users and companies",
    "/data_attributes": "Read and list users and companies",
    "/tags": "Read tags",
    "/conversations": "Read conversations",
    "/tickets": "Read tickets",
    "/ticket_types": "Read tickets",
    "/ticket_states": "Read tickets",
    "/articles": "Read and list articles",
    "/internal_articles": "Read and list articles",
    "/help_center": "Read and list articles",
}
"""What the Developer Hub calls the permission, by the beginning of the path."""


class NotOfferedError(UserError):
    """The workspace, its plan, the token's permissions or the version do not have what was asked for."""


class GoneError(UserError):
    """What was asked for by its id is not there, or not any more."""


class ScrollTakenError(UserError):
    """Somebody else reads the companies of the workspace."""


class StaleCursorError(UserError):
    """A cursor that Intercom gave is one that it does not take."""


class Fault(msgspec.Struct):
    """One error of Intercom's."""

    code: str = ""
    message: str | None = None


class Problem(msgspec.Struct):
    """What Intercom answers when it refuses; empty when what answered was not Intercom."""

    errors: list[Fault] = msgspec.field(default_factory=list)

    @property
    def code(self) -> str:
        """The code of the first error."""
        return self.errors[0].code if self.errors else ""

    @property
    def message(self) -> str:
        """All that the errors say, in lower case; it is looked at, never repeated."""
        return " ".join(fault.message or "" for fault in self.errors).lower()


KINDS: tuple[tuple[str, Callable[[int, Problem, str], bool]], ...] = (
    ("lapsed", lambda _, problem, __: LAPSED in problem.message),
    ("plan", lambda _, problem, __: problem.code == "api_plan_restricted"),
    ("unknown version", lambda _, problem, path: problem.code == VERSION and path == FIRST),
    ("version", lambda _, problem, __: problem.code == VERSION),
    ("token", lambda status, problem, _: status == HTTPStatus.UNAUTHORIZED and problem.code in TOKEN),
    ("scope", lambda status, _, __: status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)),
    ("taken", lambda _, problem, __: problem.code == "scroll_exists"),
    ("stale", lambda _, problem, __: "starting_after" in problem.message),
    ("gone", lambda status, problem, _: status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) and bool(problem.code)),
    ("elsewhere", lambda status, _, __: status == HTTPStatus.NOT_FOUND or status // 100 == 3),  # noqa: PLR2004 moved
    ("other", lambda *_: True),
)
"""What a refusal is, out of its status, its body and the path: the first row that fits. Nothing else decides."""
SENTENCES = {
    "lapsed": "The workspace's Intercom subscription has lapsed ({answer}): nothing can be read until it is renewed.",
    "plan": "The plan of the workspace does not include {path} ({answer}): deselect that stream.",
    "unknown version": "Intercom knows no version `{version}` of its API ({answer}): check the setting "
    "`intercom_version`.",
    "version": "Version {version} of Intercom's API has no {path} ({answer}): set `intercom_version` to a later one, "
    "or deselect that stream.",
    "token": "Intercom refused the token in the setting `access_token` ({answer}): check it, and that `region` is the "
    "workspace's.",
    "scope": "The token in the setting `access_token` may not read {path} ({answer}): its app lacks {permission} in "
    "Intercom's Developer Hub.",
    "taken": "Something else is reading the companies of the workspace ({answer}): Intercom permits one at a time.",
    "stale": "Intercom no longer takes a cursor that it gave for {path} ({answer}): run again.",
    "gone": "What was asked for at {path} is not there ({answer}).",
    "elsewhere": "There is no Intercom API at {path} ({answer}): check the settings `api_url` and `intercom_version`.",
    "other": "Intercom refused to read {path} ({answer}).",
}
CLASSES: dict[str, type[UserError]] = {
    "plan": NotOfferedError,
    "version": NotOfferedError,
    "scope": NotOfferedError,
    "taken": ScrollTakenError,
    "stale": StaleCursorError,
    "gone": GoneError,
}


def refusal(status: int, problem: Problem, *, path: str, version: str) -> UserError:
    """What to raise for an answer that asking again would not change.

    Args:
        status: the HTTP status.
        problem: the body; its messages are looked at, never repeated.
        path: what was asked for, below the API's base.
        version: the setting `intercom_version`.
    """
    kind = next(name for name, fits in KINDS if fits(status, problem, path))
    answer = f"{status} {problem.code}".strip()
    told = SENTENCES[kind].format(answer=answer, path=path, version=version, permission=_permission(path))
    return (CLASSES.get(kind, UserError) if path != FIRST else UserError)(told)


def _permission(path: str) -> str:
    name = next((name for start, name in PERMISSIONS.items() if path.startswith(start)), None)
    return f"the permission `{name}`" if name else "the permission"
