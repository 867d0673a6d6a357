"""What Chargebee's errors mean for the user, https://apidocs.chargebee.com/docs/api#error_handling."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from tap_chargebee._kit.errors import UserError

__all__ = ["ErrorBody", "GoneError", "NotOfferedError", "UserError", "build_refusal", "describe_error"]

WRONG_CATALOG = frozenset({"configuration_incompatible", "api_restricted"})
# Chargebee has changed this error's code before, but not its text.
WRONG_CATALOG_PHRASE = "not enabled for this site"


class NotOfferedError(UserError):
    """The site does not have this list, as it has the other Product Catalog or the feature is off."""


class GoneError(UserError):
    """A record with this id does not exist, or no longer exists."""


class ErrorBody(msgspec.Struct):
    """The body of an error answer; empty when the answer did not come from Chargebee."""

    api_error_code: str = ""
    message: str = ""

    @property
    def is_wrong_catalog(self) -> bool:
        """Whether the site does not have what the call asked for."""
        return self.api_error_code in WRONG_CATALOG or WRONG_CATALOG_PHRASE in self.message.lower()


def build_refusal(status: int, body: ErrorBody, *, path: str, site: str, entity: str = "") -> UserError:
    """Return the error for an answer that a repetition would not change.

    For the arguments see :func:`describe_error`.
    """
    sentence = describe_error(status, body, path=path, site=site, entity=entity)
    if body.is_wrong_catalog:
        return NotOfferedError(sentence)
    if status == HTTPStatus.NOT_FOUND and body.api_error_code == "resource_not_found":
        return GoneError(sentence)
    return UserError(sentence)


def describe_error(  # noqa: PLR0911 one return a rule
    status: int, body: ErrorBody, *, path: str, site: str, entity: str = ""
) -> str:
    """Return the sentence for an answer that a repetition would not change.

    Args:
        status: the HTTP status.
        body: the body of the answer. Its message may contain personal data, so it is read but never shown.
        path: the path of the call, below the API's base.
        site: the setting `site`.
        entity: the business entity to which the call was restricted.
    """
    code = body.api_error_code
    answer = f"{status} {code}".strip()
    if status == HTTPStatus.UNAUTHORIZED:
        return f"Chargebee refused the key in the setting `api_key` for the site `{site}` ({answer})."
    if status == HTTPStatus.FORBIDDEN:
        return f"The key in the setting `api_key` may not read {path} ({answer}): it needs the scope Read-only, All."
    if code == "site_not_found":
        return f"Chargebee has no site `{site}` ({answer}): check the setting `site`."
    if body.is_wrong_catalog:
        return f"The site `{site}` does not offer {path} ({answer}): deselect that stream, or check the setting `site`."
    # Chargebee does not document how it refuses a business entity that the site does not have.
    if entity and status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
        return (
            f"Chargebee refused to list {path} of the business entity `{entity}` of the site `{site}` ({answer}): "
            "check the setting `business_entity_id`."
        )
    if status == HTTPStatus.NOT_FOUND or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"There is no Chargebee API at {path} ({answer}): check the settings `site` and `api_url`."
    return f"Chargebee refused to list {path} of the site `{site}` ({answer})."


def describe_wrong_catalog(stream: str, site: str, version: int) -> str:
    """Return the sentence for a stream that the site's Product Catalog does not have."""
    return f"The site `{site}` uses Product Catalog {version}, which has no `{stream}`: deselect that stream."
