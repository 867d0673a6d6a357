"""What `setup` asks, in the order of the vendor's guide: keys apart, each answer a set of settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standpipe_console.project.pipelines import LEADS, SYNC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answers = dict[str, Any]
#: A plugin and one of its settings.
Setting = tuple[str, str]


def _always(_answers: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True)
class Choice:
    """An answer, in words."""

    value: str
    words: str


@dataclass(frozen=True)
class Question:
    """Something to be decided. Its name is the option's of the command, too.

    `settings` are those that the answer is written to as it is; answers that mean more are in `SETTINGS`. With
    `several`, an answer is a list.
    """

    name: str
    words: str
    choices: tuple[Choice, ...] = ()
    default: Any = ""
    settings: tuple[Setting, ...] = ()
    when: Callable[[Mapping[str, Any]], bool] = _always
    listed: str = ""  #: where the choices come from when they are the site's own: see `listing`
    several: bool = False
    free: bool = False  #: anything else may be answered, too

    @property
    def option(self) -> str:
        """The option of the command that answers it."""
        return "--" + self.name.replace("_", "-")


def _answer(name: str, *values: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda answers: answers.get(name) in values


IDENTIFIERS = {
    "users": (Choice("email", "the e-mail address"), Choice("user_id", "a field that holds Intercom's user id")),
    "companies": (
        Choice("company_id", "a field that holds Intercom's company id"),
        Choice("company_name", "the company's name"),
    ),
}
_YES_NO = (Choice("no", "no"), Choice("yes", "yes"))

SYNC_QUESTIONS = (
    Question(
        "records",
        "What are your customers in Intercom?",
        (Choice("users", "users (B2C)"), Choice("companies", "companies (B2B)")),
        "users",
    ),
    Question(
        "identifier", "How do you recognise a user in Intercom?", IDENTIFIERS["users"], "email",
        when=_answer("records", "users"),
    ),
    Question(
        "company_identifier", "How do you recognise a company in Intercom?", IDENTIFIERS["companies"], "company_id",
        when=_answer("records", "companies"),
    ),
    Question(
        "user_id_field", "Which field of the Chargebee customer holds Intercom's user id?", default="id",
        settings=(("map-subscriptions", "user_id_field"),), when=_answer("identifier", "user_id"), listed="ids",
    ),
    Question(
        "company_id_field", "Which field of the Chargebee customer holds Intercom's company id?", default="id",
        settings=(("map-subscriptions", "company_id_field"),), when=_answer("company_identifier", "company_id"),
        listed="ids",
    ),
    Question(
        "company_name_field", "Which field of the Chargebee customer holds the company's name?", default="company",
        settings=(("map-subscriptions", "company_name_field"),), when=_answer("company_identifier", "company_name"),
        listed="ids",
    ),
    Question(
        "on_match", "When one matches, what may be written?",
        (Choice("update_owned", "Standpipe's own attributes only"), Choice("update_all", "all fields")),
        "update_owned", settings=(("target-intercom", "on_match"),),
    ),
    Question(
        "on_no_match", "When none matches?",
        (Choice("skip", "skip the customer, and report it"), Choice("create", "create it in Intercom")),
        "skip", settings=(("target-intercom", "on_no_match"),),
    ),
    Question(
        "create_cancelled", "Create those who have cancelled, too?", _YES_NO, "no",
        settings=(("target-intercom", "create_cancelled"),), when=_answer("on_no_match", "create"),
    ),
    Question(
        "on_lead", "When Intercom knows the customer as a lead only?",
        (
            Choice("skip", "skip the customer, and report it"),
            Choice("convert", "make the lead a user"),
            Choice("create", "create a user beside it"),
        ),
        "skip", settings=(("target-intercom", "on_lead"),), when=_answer("records", "users"),
    ),
    Question(
        "customer_fields", "Sync more fields of the customer?", default=(), several=True,
        settings=(("map-subscriptions", "extra_customer_fields"),), listed="customers",
    ),
    Question(
        "subscription_fields", "Sync more fields of the subscription?", default=(), several=True,
        settings=(("map-subscriptions", "extra_subscription_fields"),), listed="subscriptions",
    ),
)  # fmt: skip
LEADS_QUESTIONS = (
    Question(
        "customer_id",
        "What identifies a lead in ChartMogul?",
        (Choice("company_id", "the company's own id, where it has one"), Choice("id", "Intercom's id of the company")),
        "company_id",
        settings=(("map-leads", "customer_id_field"),),
    ),
    Question(
        "source", "Which data source of ChartMogul takes the leads? (a new name makes a new one)",
        default="Intercom leads", settings=(("target-chartmogul", "data_source_name"),), listed="sources", free=True,
    ),
    Question(
        "company_attributes", "Send more attributes of the companies?", default=(), several=True,
        settings=(("map-leads", "company_attributes"),), listed="company_attributes",
    ),
    Question(
        "contact_attributes", "Send more attributes of their people?", default=(), several=True,
        settings=(("map-leads", "contact_attributes"),), listed="contact_attributes",
    ),
)  # fmt: skip
QUESTIONS = {SYNC.system: SYNC_QUESTIONS, LEADS.system: LEADS_QUESTIONS}


def settings_of(system: str, answers: Mapping[str, Any]) -> dict[Setting, Any]:
    """The settings that the answers mean. The map's and the target's match settings are always both among them."""
    found: dict[Setting, Any] = {}
    for question in QUESTIONS[system]:
        for setting in question.settings:
            if question.name in answers:
                found[setting] = _value(question, answers[question.name])
    if system == SYNC.system:
        match_on = answers.get("identifier") or answers.get("company_identifier")
        found[SYNC.map, "match_on"] = match_on
        follows, wanted = SYNC.agreements[0].wanted(str(match_on))
        found[SYNC.target, follows] = wanted
    return found


def _value(question: Question, answer: Any) -> Any:
    if question.choices == _YES_NO:
        return answer == "yes"
    return list(answer) if question.several else answer


def defaults(system: str, settings: Mapping[Setting, Any]) -> Answers:
    """The answers that the present settings mean; of what is not set, the question's own default."""
    found = {question.name: _default(question, settings) for question in QUESTIONS[system]}
    if match_on := settings.get((SYNC.map, "match_on")):
        companies = str(match_on).startswith("company")
        found["records"] = "companies" if companies else "users"
        found["company_identifier" if companies else "identifier"] = match_on
    return found


def _default(question: Question, settings: Mapping[Setting, Any]) -> Any:
    value = next((settings[one] for one in question.settings if settings.get(one) is not None), None)
    if value is None:
        return question.default
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
