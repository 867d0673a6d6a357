"""What Intercom answers when it refuses a request, as data, https://developers.intercom.com/docs/references/rest-api/errors/error-objects."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):  # noqa: N818 - the caller is at fault, not the sandbox
    """A request that Intercom answers with an `error.list` instead of carrying it out.

    Attributes:
        status: HTTP status.
        errors: one dict an error, with `code` and, where Intercom gives them, `message` and `field`.
        headers: what goes out besides the usual ones.
    """

    headers: dict[str, str]

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {}
        self.errors = [{"code": code, "message": message} | ({"field": field} if field else {})]

    def body(self, request_id: str | None) -> dict[str, Any]:
        """The body that goes out, in the shape of every error of Intercom's."""
        return {"type": "error.list", "request_id": request_id, "errors": self.errors}


def unauthorized() -> Refusal:
    """No token, or one that is not the workspace's."""
    return Refusal(401, "unauthorized", "Access Token Invalid")


def version_unknown() -> Refusal:
    """An `Intercom-Version` that never was."""
    return Refusal(400, "intercom_version_invalid", "The requested version could not be found")


def version_too_old() -> Refusal:
    """An operation or field that came with a later version than the one asked for."""
    return Refusal(400, "intercom_version_invalid", "Requested resource is not available in current API version.")


def rate_limited(limit: int, seconds: int) -> Refusal:
    """The window's calls are used up."""
    return Refusal(429, "rate_limit_exceeded", f"Exceeded rate limit of {limit} in {seconds}_seconds")


def resource_not_found() -> Refusal:
    """No operation answers at this path with this method."""
    return Refusal(404, "not_found", "Requested resource not found")


def user_not_found() -> Refusal:
    """No live contact has this id."""
    return Refusal(404, "not_found", "User Not Found")


def company_not_found() -> Refusal:
    """No company answers to this id, `company_id` or name."""
    return Refusal(404, "company_not_found", "Company Not Found")


def parameter_invalid(message: str, field: str | None = None) -> Refusal:
    """A parameter is there, and wrong."""
    return Refusal(400, "parameter_invalid", message, field)


def invalid_field(name: object) -> Refusal:
    """A field that cannot be searched or sorted by."""
    return Refusal(400, "invalid_field", f"Field '{name}' is not searchable")


def parameter_missing(message: str) -> Refusal:
    """A parameter is not there."""
    return Refusal(400, "parameter_missing", message)


def bad_parameter(name: str) -> Refusal:
    """A body field that the operation does not know."""
    return Refusal(400, "bad_request", f"bad '{name}' parameter")


def bad_json() -> Refusal:
    """The body is no JSON object."""
    return Refusal(400, "bad_request", "There was a problem in the JSON you submitted")


def bad_cursor() -> Refusal:
    """A `starting_after` that this list did not hand out."""
    return Refusal(400, "client_error", "Invalid starting_after param")


def conflict(contact_id: str, *, archived: bool) -> Refusal:
    """The e-mail or external id belongs to another contact, which the message names."""
    subject = "An archived contact" if archived else "A contact"
    return Refusal(409, "conflict", f"{subject} matching those details already exists with id={contact_id}")


def contact_merged(survivor_id: str) -> Refusal:
    """The contact lives on in another one, which a header names."""
    refusal = Refusal(410, "contact_merged", "Contact has been merged")
    refusal.headers = {"Link": f'</contacts/{survivor_id}>; rel="canonical"'}
    return refusal


def not_restorable() -> Refusal:
    """A merged contact does not come back."""
    return Refusal(400, "bad_request", "User has been merged and is not restorable.")
