"""What is decided of leads: names, addresses, dates, and what of it is due to be sent. Nothing else decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from standpipe_maps.leads.models import Contact, Profile

NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_]")
USER, LEAD = 0, 1
GONE = 2
NETWORKS = {"linkedin": "linked_in", "twitter": "twitter", "x": "twitter"}


class Sent(NamedTuple):
    """How a record was sent last."""

    digest: bytes
    generation: int
    """Of the run that first sent it so."""
    left_at: int | None = None
    """Unix seconds of the run that noticed that the contact had left the company."""


class Employer(NamedTuple):
    """A company that a contact belongs to."""

    id: str
    external_id: str
    """Of the customer that it is."""
    created_at: int


def employers(found: Iterable[Employer]) -> list[Employer]:
    """One company a customer: of several with one external id the newest, as of the customer itself."""
    newest: dict[str, Employer] = {}
    for one in found:
        newest[one.external_id] = max(newest.get(one.external_id, one), one, key=_age)
    return list(newest.values())


def _age(one: Employer) -> tuple[int, str]:
    return one.created_at, one.id


def is_new(digest: bytes, sent: Sent | None) -> bool:
    """Whether a record says something else than when it was sent last."""
    return sent is None or sent.digest != digest or sent.left_at is not None


def is_due(sent: Sent, since: int | None) -> bool:
    """Whether what was sent before is to be sent again.

    Args:
        sent: as it was sent last.
        since: the generation that the target confirmed; None sends everything.
    """
    return since is None or sent.generation > since


def text(value: str | None) -> str | None:
    """A text without the white space around it; None when nothing is left."""
    return (value or "").strip() or None


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """First and last name out of one field: the first word, and all that follows.

    "Ludwig van Beethoven" and "Gabriel García Márquez" come out right, and the two put together are always the name.
    """
    words = (name or "").split()
    return (words[0] if words else None), " ".join(words[1:]) or None


def website_url(website: str | None) -> str | None:
    """A website as a URL with its host in lower case; None when the text is none.

    Intercom takes any text there, ChartMogul finds the domain of a URL.
    """
    found = text(website) or ""
    try:
        parts = urlsplit(found if "://" in found else f"https://{found}")
        # Asked for its port, a URL with one that cannot be raises.
        possible = parts.port != 0 and parts.scheme in {"http", "https"} and "@" not in parts.netloc
    except ValueError:
        return None
    if not possible or "." not in (parts.hostname or "").strip(".") or any(map(str.isspace, found)):
        return None
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def attribute_key(name: str) -> str:
    """The key in ChartMogul, of letters, digits and underscores, of an attribute with this name in Intercom."""
    return NOT_IN_A_KEY.sub("_", name)


def collision(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that would be one key; None when each has its own."""
    taken: dict[str, str] = {}
    for name in names:
        if taken.setdefault(attribute_key(name), name) != name:
            return taken[attribute_key(name)], name
    return None


def profiles(found: Sequence[Profile]) -> dict[str, str | None]:
    """The URLs of the pages that ChartMogul keeps; of several in one network the first."""
    urls: dict[str, str | None] = {"linked_in": None, "twitter": None}
    for one in found:
        network = NETWORKS.get((one.name or "").strip().lower())
        if network and urls[network] is None:
            urls[network] = text(one.url)
    return urls


def rank(contact: Contact) -> int | None:
    """How well a contact speaks for its company, users best; None when it has no e-mail address to speak with."""
    if text(contact.email) is None:
        return None
    return USER if contact.role == "user" else LEAD


def external_id(contact_id: str, customer: str | None) -> str:
    """Return the id of a contact in ChartMogul, where a contact has one customer: one for each that it belongs to.

    Args:
        contact_id: Intercom's.
        customer: the external id of the customer. Intercom's own id of the company, which stood here before, changes
            when a company is deleted and made again.
    """
    return f"{contact_id}:{customer or ''}"


def is_silent(absences: int) -> bool:
    """Say whether a person no longer speaks for a company: the last whole read did not show them."""
    return absences >= 1


def is_gone(absences: int) -> bool:
    """Say whether a person is archived, deleted or merged into another: two whole reads in a row did not show them."""
    return absences >= GONE
