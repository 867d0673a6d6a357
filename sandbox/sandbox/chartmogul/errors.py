"""What ChartMogul answers when it refuses a request: three shapes, as they were recorded.

https://dev.chartmogul.com/docs/errors. A text that was never recorded says so where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.json_types import JsonObject

BAD_EMAIL = "The value provided does not appear to be a valid email address."
_KINDS = {
    dict: "object", list: "array", str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null",
}  # fmt: skip


class Refusal(Exception):  # noqa: N818 - the caller is at fault, not the sandbox
    """A request that is answered with an error instead of being carried out."""

    def __init__(self, status: int, body: JsonObject) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class Invalid(Exception):  # noqa: N818 - the caller is at fault, not the sandbox
    """Fields with values that are not allowed: a text for each. The operation decides in which shape it answers."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = dict(errors)


def build_refusal(status: int, message: str, param: str | None = None) -> Refusal:
    """Return a refusal in the shape that most have."""
    return Refusal(status, {"code": status, "message": message, "param": param})


def refuse_first(errors: Mapping[str, str]) -> Refusal:
    """Return the refusal that names the first invalid field."""
    param, message = next(iter(errors.items()))
    return build_refusal(422, message, param)


def refuse_all(errors: Mapping[str, str]) -> Refusal:
    """Return the refusal that names all invalid fields, used for new data sources and customers."""
    return Refusal(422, {"errors": dict(errors)})


def missing_parameter(name: str) -> Refusal:
    """Return the refusal of a request without a required parameter."""
    return build_refusal(400, f'Parameter "{name}" is missing', name)


def bad_parameter(name: str) -> Refusal:
    """Return the refusal of an unreadable query parameter; its text has not been recorded from the vendor."""
    return build_refusal(400, f'Parameter "{name}" is invalid', name)


def unknown_customer(uuid: str) -> Refusal:
    """Return the refusal of an unknown uuid, which may never have existed, be deleted or be merged."""
    return build_refusal(404, f'Customer "{uuid.removeprefix("cus_")}" does not exist', "customer_id")


def unknown_email(email: str) -> Refusal:
    """Return the refusal of an e-mail without a customer."""
    return build_refusal(404, f'Can\'t find any customers with email: "{email}"', "email")


def wrong_type(name: str, value: object, wanted: str) -> Refusal:
    """Return the refusal of a part of the body with another JSON type, in a JSON schema's words."""
    text = f"The property '#/{name}' of type {_KINDS[type(value)]} did not match the following type: {wanted}"
    return build_refusal(422, text, name)
