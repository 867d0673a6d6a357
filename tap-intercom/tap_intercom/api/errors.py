"""What Intercom's errors mean for the user.

https://developers.intercom.com/docs/references/rest-api/errors/error-codes
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from tap_intercom._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ErrorBody",
    "GoneError",
    "NotOfferedError",
    "ScrollTakenError",
    "StaleCursorError",
    "UserError",
    "build_refusal",
]

LAPSED = "active subscription needed"
"""Intercom's text when the workspace has no paid subscription, with any status and code."""
TOKEN = frozenset({"", "unauthorized", "token_not_found", "token_revoked", "token_blocked", "token_expired"})
FIRST_PATH = "/me"
"""The path of the first call of every run."""
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
"""By the beginning of a path, the permission that it needs, with its name in the Developer Hub."""


class NotOfferedError(UserError):
    """The list is not part of the workspace, its plan, the token's permissions or the API's version."""


class GoneError(UserError):
    """A record with this id does not exist, or no longer exists."""


class ScrollTakenError(UserError):
    """Another scroll over the companies of the workspace is open."""


class StaleCursorError(UserError):
    """Intercom no longer accepts one of its own cursors."""


class ErrorEntry(msgspec.Struct):
    """One entry of an error answer."""

    code: str = ""
    message: str | None = None


class ErrorBody(msgspec.Struct):
    """The body of an error answer; empty when the answer did not come from Intercom."""

    errors: list[ErrorEntry] = msgspec.field(default_factory=list)

    @property
    def code(self) -> str:
        """The code of the first entry."""
        return self.errors[0].code if self.errors else ""

    @property
    def message(self) -> str:
        """All messages in lower case. They may hold personal data, so they are read but never shown."""
        return " ".join(entry.message or "" for entry in self.errors).lower()


KINDS: tuple[tuple[str, Callable[[int, ErrorBody, str], bool]], ...] = (
    ("lapsed", lambda _, body, __: LAPSED in body.message),
    ("plan", lambda _, body, __: body.code == "api_plan_restricted"),
    ("unknown version", lambda _, body, path: body.code == VERSION and path == FIRST_PATH),
    ("version", lambda _, body, __: body.code == VERSION),
    ("token", lambda status, body, _: status == HTTPStatus.UNAUTHORIZED and body.code in TOKEN),
    ("scope", lambda status, _, __: status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)),
    ("taken", lambda _, body, __: body.code == "scroll_exists"),
    ("stale", lambda _, body, __: "starting_after" in body.message),
    ("gone", lambda status, body, _: status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) and bool(body.code)),
    ("elsewhere", lambda status, _, __: status == HTTPStatus.NOT_FOUND or status // 100 == 3),  # noqa: PLR2004 moved
    ("other", lambda *_: True),
)
"""The kinds of errors by status, body and path. The first row that matches decides."""
SENTENCES = {
    "lapsed": "The workspace's Intercom subscription has lapsed ({answer}): nothing can be read until it is renewed.",
    "plan": "The plan of the workspace does not include {path} ({answer}): deselect that stream.",
    "unknown version": "Intercom's API has no version `{version}` ({answer}): check the setting `intercom_version`.",
    "version": "Version {version} of Intercom's API has no {path} ({answer}): set `intercom_version` to a later one, "
    "or deselect that stream.",
    "token": "Intercom refused the token in the setting `access_token` ({answer}): check it, and that `region` is the "
    "workspace's.",
    "scope": "The token in the setting `access_token` may not read {path} ({answer}): its app lacks {permission} in "
    "Intercom's Developer Hub.",
    "taken": "Another program is reading the companies of the workspace ({answer}): Intercom permits one at a time.",
    "stale": "Intercom no longer accepts a cursor that it gave for {path} ({answer}): run again.",
    "gone": "There is no record at {path} ({answer}).",
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


def build_refusal(status: int, body: ErrorBody, *, path: str, version: str) -> UserError:
    """Return the error for an answer that a repetition would not change.

    Args:
        status: the HTTP status.
        body: the body of the answer.
        path: the path of the call, below the API's base.
        version: the setting `intercom_version`.
    """
    kind = next(name for name, matches in KINDS if matches(status, body, path))
    permission = next((name for start, name in PERMISSIONS.items() if path.startswith(start)), None)
    sentence = SENTENCES[kind].format(
        answer=f"{status} {body.code}".strip(),
        path=path,
        version=version,
        permission=f"the permission `{permission}`" if permission else "the permission",
    )
    # A run needs its first call, so a failure of it is never treated like a missing stream.
    return (CLASSES.get(kind, UserError) if path != FIRST_PATH else UserError)(sentence)


def describe_old_version(stream: str, version: str, since: tuple[int, int]) -> str:
    """Return the sentence for a stream that needs a later version of the API than the setting names."""
    major, minor = since
    return (
        f"The stream `{stream}` needs version {major}.{minor} or later of Intercom's API, but the setting "
        f"`intercom_version` is {version}: raise it, or deselect that stream."
    )
