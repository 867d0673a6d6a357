"""Chargebee's error replies, in its own shape.

See https://apidocs.chargebee.com/docs/api/errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject

_TYPES = {
    "api_authentication_failed": "untyped",
    "api_authorization_failed": "untyped",
    "basic_authentication_failed": "untyped",
    "internal_error": "untyped",
    "api_request_limit_exceeded": "operation_failed",
    "lock_timeout": "operation_failed",
}
_CODES = {404: "resource_not_found", 405: "http_method_not_supported"}


class RefusedError(Exception):
    """A request that the API refuses: HTTP status, ``api_error_code``, message, and the wrong parameter."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param

    def body(self) -> JsonObject:
        """Return the JSON of the reply, with its fields' older names as well."""
        body: JsonObject = {"message": self.message, "api_error_code": self.code, "error_code": self.code}
        kind = _TYPES.get(self.code, "invalid_request")
        if self.param is not None:
            body |= {"param": self.param, "error_param": self.param}
        return {**body, "type": kind, "error_msg": self.message, "http_status_code": self.status}


def wrong_value(param: str, message: str) -> RefusedError:
    """Return the refusal of a known parameter with a wrong value."""
    return RefusedError(400, "param_wrong_value", f"{param} : {message}", param)


def invalid(param: str, message: str) -> RefusedError:
    """Return the refusal of a parameter that the operation does not have."""
    return RefusedError(400, "invalid_request", f"{param} : {message}", param)


def incompatible(path: str) -> RefusedError:
    """Return the refusal of an operation of the other Product Catalog."""
    message = f"This API operation is not enabled for this site: {path} is not part of its Product Catalog."
    return RefusedError(400, "configuration_incompatible", message)


def not_found(what: str) -> RefusedError:
    """Return the refusal of a record that does not exist."""
    return RefusedError(404, "resource_not_found", f"{what} not found")


def build_failure(status: int, message: str) -> JsonObject:
    """Return the body of an error that no handler caused, in the vendor's shape."""
    return RefusedError(status, _CODES.get(status, "internal_error"), message).body()
