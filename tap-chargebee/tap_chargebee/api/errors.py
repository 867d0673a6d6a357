"""What Chargebee's refusals mean to the user, https://apidocs.chargebee.com/docs/api#error_handling."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from tap_chargebee._kit.errors import UserError

__all__ = ["GoneError", "NotOfferedError", "Problem", "UserError", "refusal", "sentence"]

WRONG_CATALOG = frozenset({"configuration_incompatible", "api_restricted"})
# Chargebee has changed the code of this refusal before, and not its wording.
WRONG_CATALOG_PHRASE = "not enabled for this site"


class NotOfferedError(UserError):
    """The site does not have what was asked for: it is of the other Product Catalog, or the feature is off."""


class GoneError(UserError):
    """What was asked for by its id is not there, or not any more."""


class Problem(msgspec.Struct):
    """What Chargebee answers when it refuses; empty when what answered was not Chargebee."""

    api_error_code: str = ""
    message: str = ""


def refusal(status: int, problem: Problem, *, path: str, site: str) -> UserError:
    """What to raise for an answer that asking again would not change; the arguments are those of :func:`sentence`."""
    told = sentence(status, problem, path=path, site=site)
    if _not_offered(problem):
        return NotOfferedError(told)
    gone = status == HTTPStatus.NOT_FOUND and problem.api_error_code == "resource_not_found"
    return GoneError(told) if gone else UserError(told)


def _not_offered(problem: Problem) -> bool:
    return problem.api_error_code in WRONG_CATALOG or WRONG_CATALOG_PHRASE in problem.message.lower()


def sentence(status: int, problem: Problem, *, path: str, site: str) -> str:
    """What a user is told about an answer that asking again would not change.

    Args:
        status: the HTTP status.
        problem: the body; its message is looked at, never repeated.
        path: what was asked for, below the API's base.
        site: the setting of that name.
    """
    code = problem.api_error_code
    answer = f"{status} {code}".strip()
    if status == HTTPStatus.UNAUTHORIZED:
        return f"Chargebee refused the key in the setting `api_key` for the site `{site}` ({answer})."
    if status == HTTPStatus.FORBIDDEN:
        return f"The key in the setting `api_key` may not read {path} ({answer}): it needs the scope Read-only, All."
    if code == "site_not_found":
        return f"Chargebee has no site `{site}` ({answer}): check the setting `site`."
    if _not_offered(problem):
        return f"The site `{site}` does not offer {path} ({answer}): deselect that stream, or check the setting `site`."
    if status == HTTPStatus.NOT_FOUND or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"There is no Chargebee API at {path} ({answer}): check the settings `site` and `api_url`."
    return f"Chargebee refused to list {path} of the site `{site}` ({answer})."
