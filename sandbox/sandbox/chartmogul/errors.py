"""What ChartMogul answers when it refuses a request: three shapes, as they were recorded.

https://dev.chartmogul.com/docs/errors
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD_EMAIL = "The value provided does not appear to be a valid email address."


class Refusal(Exception):  # noqa: N818 - the caller is at fault, not the sandbox
    """A request that is answered with an error instead of being carried out."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class Invalid(Exception):  # noqa: N818 - the caller is at fault, not the sandbox
    """Fields whose values cannot be: a text for each. The operation decides in which shape they are told."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = dict(errors)


def coded(status: int, message: str, param: str | None = None) -> Refusal:
    """The shape of most refusals."""
    return Refusal(status, {"code": status, "message": message, "param": param})


def failure(status: int, message: str) -> dict[str, Any]:
    """The body of a failure that no operation foresaw."""
    return coded(status, message).body


def by_code(errors: Mapping[str, str]) -> Refusal:
    """Invalid fields, of which the first is told."""
    param, message = next(iter(errors.items()))
    return coded(422, message, param)


def by_field(errors: Mapping[str, str]) -> Refusal:
    """Invalid fields, all of them told: creating a data source or a customer."""
    return Refusal(422, {"errors": dict(errors)})


def unauthorized() -> Refusal:
    """No key, or a wrong one."""
    return coded(401, "No valid API key provided")


def read_only(status: int) -> Refusal:
    """A key that may only read; neither status nor text was ever recorded."""
    return coded(status, "The API key provided does not have write access.")


def too_fast() -> Refusal:
    """More requests in a second than allowed."""
    return coded(429, "Your request rate has exceeded our rate limit.")


def too_many_connections() -> Refusal:
    """More requests at once than allowed; the text was never recorded."""
    return coded(503, "Too many simultaneous connections.")


def bad_json() -> Refusal:
    """The body is no JSON object; the text was never recorded."""
    return coded(400, "The request body is not a JSON object")


def missing(name: str) -> Refusal:
    """A compulsory parameter is not there."""
    return coded(400, f'Parameter "{name}" is missing', name)


def bad_parameter(name: str) -> Refusal:
    """A parameter of the query cannot be read; the text was never recorded."""
    return coded(400, f'Parameter "{name}" is invalid', name)


def no_such_path() -> Refusal:
    """No operation answers at this path with this method."""
    return coded(404, "Not found")


def no_customer(uuid: str) -> Refusal:
    """No customer has this uuid: never there, deleted, or merged away."""
    return coded(404, f'Customer "{uuid.removeprefix("cus_")}" does not exist', "customer_id")


def no_contact(uuid: str) -> Refusal:
    """No contact has this uuid."""
    return coded(404, f'Contact "{uuid.removeprefix("con_")}" does not exist', "contact_uuid")


def no_source() -> Refusal:
    """No data source has this uuid."""
    return Refusal(404, {"error": "Data source not found"})


def no_import() -> Refusal:
    """No import has this id or external id; the text was never recorded."""
    return Refusal(404, {"error": "Import not found"})


def wrong_shape(name: str, given: object, wanted: str) -> Refusal:
    """A part of the body has another JSON type than wanted, in the words of a JSON schema."""
    kind = _KINDS[type(given)]
    text = f"The property '#/{name}' of type {kind} did not match the following type: {wanted}"
    return coded(422, text, name)


_KINDS = {
    dict: "object", list: "array", str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null",
}  # fmt: skip
