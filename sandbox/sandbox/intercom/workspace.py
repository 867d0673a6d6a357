"""One Intercom workspace: its contacts, companies, links between them, data attributes and limits."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.intercom import companies, contacts
from sandbox.intercom.attributes import Attributes
from sandbox.intercom.companies import Companies, Company, Scroll
from sandbox.intercom.contacts import Contact, Contacts
from sandbox.intercom.errors import Refusal, company_not_found
from sandbox.intercom.limits import Window
from sandbox.intercom.records import Change
from sandbox.intercom.seed import Seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.business.records import Person
    from sandbox.clock import Clock
    from sandbox.settings import Settings

TOKEN = "sandbox_token"  # noqa: S105 - the public key of a sandbox
APP_ID = "sandboxws"
REGION = "US"
ADMIN_ID = "991267"
COMPANIES_A_CONTACT = 1000


class Workspace:
    """Everything Intercom knows. The business clock stamps what is written; ids come from the settings' seed."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.app_id = APP_ID
        self.zone = _zone(settings.intercom_timezone)
        self.attributes = Attributes()
        self.contacts = Contacts(
            second_user_for_new_external_id=settings.second_user_for_new_external_id, search_lag=settings.search_lag
        )
        self.companies = Companies(clock.now)
        self.scroll = Scroll(settings.scroll_idle)
        self.window = Window(settings.rate_limit_per_window)
        self._random = Random(f"intercom:{settings.seed}")
        self._requests = 0
        self._seed = Seed(self, ADMIN_ID)

    @classmethod
    def seeded(cls, people: Iterable[Person], settings: Settings, clock: Clock) -> Workspace:
        """A workspace in which most of the people are known already, some of them oddly, and strangers too."""
        workspace = cls(settings, clock)
        workspace._seed.fill(list(people))
        return workspace

    def advance(self, new_people: Iterable[Person]) -> None:
        """After the clock moved: most of the new customers have signed up."""
        for person in new_people:
            self._seed.sign_up(person)

    def new_id(self) -> str:
        """An id in the form of Intercom's: 24 hexadecimal digits."""
        return f"{self._random.getrandbits(96):024x}"

    def request_id(self) -> str:
        """A number for one request, in the form of Intercom's."""
        self._requests += 1
        return f"000sandbox{self._requests:010d}"

    def new_contact(self, values: dict[str, Any], at: int) -> dict[str, Any]:
        """A whole contact document out of what was given; Intercom gives leads an external id of its own."""
        document = {"id": self.new_id(), **contacts.EMPTY, "created_at": at, "updated_at": at, "custom_attributes": {}}
        if values.get("role") == "lead":
            document["external_id"] = f"{self._random.getrandbits(128):032x}"
        return document | values

    def new_company(self, values: dict[str, Any], at: int) -> dict[str, Any]:
        """A whole company document out of what was given."""
        document = {"id": self.new_id(), **companies.EMPTY, "created_at": at, "updated_at": at, "custom_attributes": {}}
        return document | values

    def attach(self, contact: Contact, company: Company, at: int, source: str) -> None:
        """Link the two; a link that exists already stays as it is.

        Raises:
            Refusal: 400 `contact_company_limit_exceeded` at 1,000 companies.
        """
        if company.id in contact.companies:
            return
        if len(contact.companies) >= COMPANIES_A_CONTACT:
            raise Refusal(
                400,
                "contact_company_limit_exceeded",
                f"Contact has reached the limit of {COMPANIES_A_CONTACT} companies",
            )
        contact.companies[company.id] = company.contacts[contact.id] = None
        contact.history.append(Change(at, source, "companies", None, company.document["company_id"]))

    def detach(self, contact: Contact, company: Company, at: int, source: str) -> None:
        """Undo the link.

        Raises:
            Refusal: 404 `company_not_found`, when there is none.
        """
        if company.id not in contact.companies:
            raise company_not_found()
        del contact.companies[company.id], company.contacts[contact.id]
        contact.history.append(Change(at, source, "companies", company.document["company_id"], None))

    def companies_of(self, contact: Contact) -> list[Company]:
        """The live companies a contact is attached to."""
        return list(self.companies.live_among(contact.companies))

    def contacts_of(self, company: Company) -> list[Contact]:
        """The live contacts attached to a company."""
        return list(self.contacts.live_among(company.contacts))

    def user_count(self, company: Company) -> int:
        """How many live users are attached: a company without any is in no list."""
        return sum(one.is_user for one in self.contacts.live_among(company.contacts))

    def visible_companies(self) -> Iterator[Company]:
        """The companies that lists and scrolls show."""
        return (one for one in self.companies.live() if self.user_count(one))

    def delete_contact(self, contact: Contact) -> None:
        """Remove a contact and its links for ever."""
        for company in self.companies_of(contact):
            company.contacts.pop(contact.id, None)
        self.contacts.delete(contact)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"Setting 'intercom_timezone' is a zone such as Europe/Paris, not {name!r}.") from None
