"""Intercom's contacts and companies, reduced to what decisions and comparisons need. Pure."""

from __future__ import annotations

import msgspec

from target_intercom._kit.json_types import JsonValue


class RemoteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A contact or company of Intercom."""

    id: str
    custom_attributes: dict[str, JsonValue] = {}

    @property
    def lookup_id(self) -> str | None:
        """The caller's own id, if Intercom can look a record up by it at any time."""
        return None

    @property
    def is_lead(self) -> bool:
        """Whether it is a contact but not a user."""
        return False

    @property
    def has_no_users(self) -> bool:
        """Whether it is a company without users."""
        return False

    @property
    def is_possibly_duplicate(self) -> bool:
        """Whether another record may have the same name, which Intercom's API cannot show."""
        return False

    def get_field(self, name: str) -> JsonValue:
        """Return the value of a standard field."""
        return getattr(self, name)


class RemoteContact(RemoteRecord, frozen=True, kw_only=True):
    """A user or a lead."""

    role: str = "user"
    email: str | None = None
    external_id: str | None = None
    name: str | None = None
    phone: str | None = None
    company_ids: tuple[str, ...] = ()  #: Intercom's ids of its companies, at most ten
    has_more_companies: bool = False

    @property
    def is_lead(self) -> bool:
        """Whether it is a contact but not a user."""
        return self.role != "user"


class RemoteCompany(RemoteRecord, frozen=True, kw_only=True):
    """A company."""

    company_id: str | None = None
    name: str | None = None
    plan: str | None = None
    monthly_spend: int | float | None = None
    remote_created_at: int | None = None
    user_count: int | None = None
    may_have_namesake: bool = False  #: whether it was found only by its name, among companies that no list shows

    @property
    def lookup_id(self) -> str | None:
        """The caller's own id."""
        return self.company_id

    @property
    def has_no_users(self) -> bool:
        """Whether it has no users, so that Intercom does not show it."""
        return self.user_count == 0

    @property
    def is_possibly_duplicate(self) -> bool:
        """Whether another company may have the same name."""
        return self.may_have_namesake
