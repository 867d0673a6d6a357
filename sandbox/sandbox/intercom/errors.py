"""Intercom's refusals, as data, https://developers.intercom.com/docs/references/rest-api/errors/error-objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject


class Refusal(Exception):  # noqa: N818 - the caller is at fault, not the sandbox
    """A request that Intercom answers with an `error.list` instead of carrying it out.

    Attributes:
        status: HTTP status.
        errors: one dict an error, with `code` and, where Intercom gives them, `message` and `field`.
        headers: what goes out besides the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.errors = [{"code": code, "message": message} | ({"field": field} if field else {})]

    def make_body(self, request_id: str | None) -> JsonObject:
        """Return the body of the reply, in the shape of all of Intercom's errors."""
        return {"type": "error.list", "request_id": request_id, "errors": self.errors}


ROWS = {
    "unauthorized": (401, "unauthorized", "Access Token Invalid"),
    "version unknown": (400, "intercom_version_invalid", "The requested version could not be found"),
    "version too old": (
        400, "intercom_version_invalid", "Requested resource is not available in current API version.",
    ),
    "rate limited": (429, "rate_limit_exceeded", "Exceeded rate limit of {limit} in {seconds}_seconds"),
    "no operation": (404, "not_found", "Requested resource not found"),
    "no document": (404, "not_found", "Resource Not Found"),
    "no contact": (404, "not_found", "User Not Found"),
    "no company": (404, "company_not_found", "Company Not Found"),
    "no object type": (404, "not_found", "Custom object type `{name}` not found"),
    "no object": (404, "not_found", "Custom object instance not found"),
    "field unknown": (400, "invalid_field", "Field '{name}' is not searchable"),
    "parameter unknown": (400, "bad_request", "bad '{name}' parameter"),
    "no JSON": (400, "bad_request", "There was a problem in the JSON you submitted"),
    "cursor unknown": (400, "client_error", "Invalid starting_after param"),
    "conflict": (409, "conflict", "{subject} matching those details already exists with id={contact_id}"),
    "merged": (410, "contact_merged", "Contact has been merged"),
    "not restorable": (400, "bad_request", "User has been merged and is not restorable."),
    "no merge": (400, "invalid_merge", "{reason}"),
    "too many companies": (
        400, "contact_company_limit_exceeded", "Contact has reached the limit of {limit} companies",
    ),
    "scroll open": (400, "scroll_exists", "scroll already exists for this workspace"),
    "no scroll": (404, "not_found", "scroll parameter not found"),
}  # fmt: skip
"""Status, code and message of each refusal, by name."""


def refuse(name: str, /, **words: object) -> Refusal:
    """Return the named refusal with these words filled into its message."""
    status, code, message = ROWS[name]
    return Refusal(status, code, message.format(**words))


def parameter_invalid(message: str, field: str | None = None) -> Refusal:
    """Return the refusal of a parameter with a wrong value."""
    return Refusal(400, "parameter_invalid", message, field)


def parameter_missing(message: str) -> Refusal:
    """Return the refusal of a missing parameter."""
    return Refusal(400, "parameter_missing", message)
