"""Match keys, by which records are recognised in Intercom. Each is a class, and only it knows how the key differs.

`docs/architecture.md` lists everything that a new key needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from target_intercom._kit.json_types import JsonValue


class Keys(NamedTuple):
    """The keys of a record.

    `key` is its match value in the form for comparisons, `link` the value of the link attribute, `lookup_id` the
    caller's own id if Intercom can look it up, and `email` an address that no other user may have.
    """

    key: str | None = None
    link: str | None = None
    lookup_id: str | None = None
    email: str | None = None


class MatchKey:
    """A field that identifies a record in Intercom."""

    field: ClassVar[str]
    """The name of the field, in the input and in Intercom."""
    label: ClassVar[str]
    """The name of the value in messages."""
    is_unique: ClassVar[bool] = True
    """Whether Intercom has at most one user or company per value."""
    creates_with_identity: ClassVar[bool] = True
    """Whether a creation contains the caller's own id, or the following update does."""
    needs_free_email: ClassVar[bool] = False
    """Whether to check before a creation that no other user has the e-mail address."""

    def read_value(self, record: Mapping[str, JsonValue]) -> str | None:
        """Return the record's value without surrounding spaces; None if it has none."""
        return read_identifier(record.get(self.field))

    def normalise(self, value: str) -> str:
        """Return the form in which equal values are the same text."""
        return value.strip()

    def list_search_values(self, value: str) -> Collection[str]:
        """Return the forms to search for in Intercom."""
        return [value]


class EmailKey(MatchKey):
    """The e-mail address of a user; its letter case and the coding of its accents do not matter."""

    field = "email"
    label = "e-mail"
    # Intercom refuses a second user with an e-mail address only if the creation has no external id. Its 409 is then a
    # strongly consistent check, unlike a search.
    creates_with_identity = False

    def normalise(self, value: str) -> str:
        """Return the address in lower case, composed."""
        return normalize("NFC", normalize("NFC", value).strip().lower())

    def list_search_values(self, value: str) -> Collection[str]:
        """Return the forms that people type, in both codings of accents.

        Intercom keeps an address as it was given. It is not documented whether its search minds the letter case, or how
        an accent is coded.
        """
        typed = {value, value.lower(), value.upper(), value.title()}
        return typed | {normalize(form, text) for text in typed for form in ("NFC", "NFD")}


class ExternalIdKey(MatchKey):
    """The caller's own id of a user."""

    field = "external_id"
    label = "user id"
    needs_free_email = True


class CompanyIdKey(MatchKey):
    """The caller's own id of a company."""

    field = "company_id"
    label = "company id"


class CompanyNameKey(MatchKey):
    """The name of a company; its letter case and the coding of its accents do not matter."""

    field = "name"
    label = "company name"
    is_unique = False

    def normalise(self, value: str) -> str:
        """Return the name without letter case, composed."""
        return normalize("NFC", normalize("NFC", value).strip().casefold())

    def list_search_values(self, value: str) -> Collection[str]:
        """Return the name unchanged, and in both encodings of accents if they differ."""
        return dict.fromkeys((value, normalize("NFC", value), normalize("NFD", value)))


EMAIL, EXTERNAL_ID, COMPANY_ID, COMPANY_NAME = EmailKey(), ExternalIdKey(), CompanyIdKey(), CompanyNameKey()


def read_identifier(value: JsonValue) -> str | None:
    """Return the text of an identifier; None if it is empty or has a type that identifies nothing."""
    return None if value is None or isinstance(value, (bool, dict, list)) else str(value).strip() or None
