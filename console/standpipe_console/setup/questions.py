"""The questions of `setup` besides the keys, in the order of the vendor's guide. Each answer becomes settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.project.pipelines import LEADS, SYNC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console._kit.json_types import JsonObject, JsonValue

#: An answer; a sequence if several choices are possible.
Answer = str | Sequence[str]
Answers = dict[str, Answer]
#: A plugin and one of its settings.
Setting = tuple[str, str]


@dataclass(frozen=True)
class Choice:
    """A possible answer and its text."""

    value: str
    text: str


@dataclass(frozen=True)
class Question:
    """A decision of the user. Its name is also the name of the command's option.

    `settings` take the answer unchanged. `build_settings` handles answers with further effects. The default is the
    present setting, or else the plugin's own default, or else the first choice.
    """

    name: str
    text: str
    choices: tuple[Choice, ...] = ()
    settings: tuple[Setting, ...] = ()
    asked_if: tuple[str, str] | None = None  #: an earlier question, and its answer that makes this one necessary
    choices_from: str = ""  #: the source of choices that depend on the site, see `choices`
    multiple: bool = False  #: whether several choices are possible
    accepts_other: bool = False  #: whether an answer may be none of the choices

    @property
    def option(self) -> str:
        """The option of the command that answers it."""
        return "--" + self.name.replace("_", "-")

    def is_asked(self, answers: Answers) -> bool:
        """Return whether the earlier answers make this question necessary."""
        return self.asked_if is None or answers.get(self.asked_if[0]) == self.asked_if[1]


_YES_NO = (Choice("no", "no"), Choice("yes", "yes"))

SYNC_QUESTIONS = (
    Question(
        "records", "What are your customers in Intercom?",
        (Choice("users", "users (B2C)"), Choice("companies", "companies (B2B)")),
    ),
    Question(
        "identifier", "How do you recognise a user in Intercom?",
        (Choice("email", "the e-mail address"), Choice("user_id", "a field that holds Intercom's user id")),
        asked_if=("records", "users"),
    ),
    Question(
        "company_identifier", "How do you recognise a company in Intercom?",
        (
            Choice("company_id", "a field that holds Intercom's company id"),
            Choice("company_name", "the company's name"),
        ),
        asked_if=("records", "companies"),
    ),
    Question(
        "user_id_field", "Which field of the Chargebee customer holds Intercom's user id?",
        settings=(("map-subscriptions", "user_id_field"),), asked_if=("identifier", "user_id"), choices_from="ids",
    ),
    Question(
        "company_id_field", "Which field of the Chargebee customer holds Intercom's company id?",
        settings=(("map-subscriptions", "company_id_field"),), asked_if=("company_identifier", "company_id"),
        choices_from="ids",
    ),
    Question(
        "company_name_field", "Which field of the Chargebee customer holds the company's name?",
        settings=(("map-subscriptions", "company_name_field"),), asked_if=("company_identifier", "company_name"),
        choices_from="ids",
    ),
    Question(
        "on_match", "When a record matches, what may be written?",
        (Choice("update_owned", "Standpipe's own attributes only"), Choice("update_all", "all fields")),
        settings=(("target-intercom", "on_match"),),
    ),
    Question(
        "on_no_match", "When no record matches?",
        (Choice("skip", "skip the customer, and report it"), Choice("create", "create it in Intercom")),
        settings=(("target-intercom", "on_no_match"),),
    ),
    Question(
        "create_cancelled", "Also create customers who have cancelled?", _YES_NO,
        settings=(("target-intercom", "create_cancelled"),), asked_if=("on_no_match", "create"),
    ),
    Question(
        "on_lead", "When Intercom knows the customer only as a lead?",
        (
            Choice("skip", "skip the customer, and report it"),
            Choice("convert", "make the lead a user"),
            Choice("create", "create a user beside it"),
        ),
        settings=(("target-intercom", "on_lead"),), asked_if=("records", "users"),
    ),
    Question(
        "customer_fields", "Sync more fields of the customer?", multiple=True,
        settings=(("map-subscriptions", "extra_customer_fields"),), choices_from="customers",
    ),
    Question(
        "subscription_fields", "Sync more fields of the subscription?", multiple=True,
        settings=(("map-subscriptions", "extra_subscription_fields"),), choices_from="subscriptions",
    ),
    Question(
        "statuses", "Which customers take part? (none checked: all)",
        multiple=True, choices_from="statuses",
    ),
    Question(
        "left_out", "Leave out any of the attributes?", multiple=True, choices_from="attributes",
    ),
)  # fmt: skip
LEADS_QUESTIONS = (
    Question(
        "customer_id", "What identifies a lead in ChartMogul?",
        (Choice("company_id", "the company's own id, if it has one"), Choice("id", "Intercom's id of the company")),
        settings=(("map-leads", "customer_id_field"),),
    ),
    Question(
        "source", "Which data source of ChartMogul takes the leads? (a new name creates a new one)",
        settings=(("target-chartmogul", "data_source_name"),), choices_from="sources", accepts_other=True,
    ),
    Question(
        "company_attributes", "Send more attributes of the companies?", multiple=True,
        settings=(("map-leads", "company_attributes"),), choices_from="company_attributes",
    ),
    Question(
        "contact_attributes", "Send more attributes of the contacts?", multiple=True,
        settings=(("map-leads", "contact_attributes"),), choices_from="contact_attributes",
    ),
)  # fmt: skip
QUESTIONS = {SYNC.system: SYNC_QUESTIONS, LEADS.system: LEADS_QUESTIONS}


ONLY_CUSTOMERS, ATTRIBUTES = (SYNC.map, SYNC.filter_setting), (SYNC.map, SYNC.attributes_setting)
#: The choices of a filter by status. `none` stands for customers without a subscription.
STATUSES = {
    "active": "subscription active",
    "in_trial": "subscription in trial",
    "non_renewing": "subscription active until the end of its term",
    "paused": "subscription paused",
    "future": "subscription not begun yet",
    "cancelled": "subscription cancelled",
    "none": "no subscription",
}
_NO_SUBSCRIPTION = "is_empty(sub_status)"
_BY_STATUS = re.compile(r"(?:(is_empty\(sub_status\))(?: or )?)?(?:sub_status in \[('[a-z_]+'(?:, '[a-z_]+')*)\])?")


def build_filter(answer: Sequence[str]) -> str:
    """Return the expression that lets the chosen statuses take part; an expression among them is kept as it is."""
    if own := [one for one in answer if one not in STATUSES]:
        return own[0]
    if not answer or set(answer) == set(STATUSES):
        return ""
    named = ", ".join(f"'{one}'" for one in STATUSES if one in answer and one != "none")
    parts = [_NO_SUBSCRIPTION] if "none" in answer else []
    return " or ".join([*parts, f"sub_status in [{named}]"] if named else parts)


def find_statuses(expression: str) -> tuple[str, ...]:
    """Return the answer that corresponds to a filter; another filter than one by status is the answer itself."""
    if not expression:
        return ()
    found = _BY_STATUS.fullmatch(expression)
    if not found:
        return (expression,)
    named = [one.strip("' ") for one in (found[2] or "").split(",") if one]
    return (*named, "none") if found[1] else tuple(named)


def build_settings(
    system: str, answers: Answers, present: Mapping[Setting, JsonValue] | None = None
) -> dict[Setting, JsonValue]:
    """Return the settings for the answers. They always include the match settings of both map and target.

    Args:
        system: the pipeline.
        answers: the answers.
        present: the present settings, of which a part may stay.
    """
    settings: dict[Setting, JsonValue] = {}
    for question in QUESTIONS[system]:
        for setting in question.settings:
            if question.name in answers:
                settings[setting] = _build_value(question, answers[question.name])
    present = present or {}
    # A setting without a value stays unset, unless the user chooses one.
    if "statuses" in answers and (answers["statuses"] or present.get(ONLY_CUSTOMERS)):
        settings[ONLY_CUSTOMERS] = build_filter(answers["statuses"])
    if "left_out" in answers and (answers["left_out"] or present.get(ATTRIBUTES)):
        table: JsonObject = present.get(ATTRIBUTES) or {}
        kept = {name: value for name, value in table.items() if value is not False}
        settings[ATTRIBUTES] = kept | dict.fromkeys(answers["left_out"], False)
    if system == SYNC.system:
        match_on = str(answers.get("identifier") or answers.get("company_identifier"))
        settings[SYNC.map, "match_on"] = match_on
        name, value = SYNC.shared_settings[0].find_counterpart(match_on)
        settings[SYNC.target, name] = value
    return settings


def _build_value(question: Question, answer: Answer) -> JsonValue:
    if question.choices == _YES_NO:
        return answer == "yes"
    return list(answer) if question.multiple else answer


def find_answers(system: str, settings: Mapping[Setting, JsonValue]) -> Answers:
    """Return the answers that correspond to settings, which must include the defaults."""
    answers = {question.name: _find_answer(question, settings) for question in QUESTIONS[system]}
    if match_on := settings.get((SYNC.map, "match_on")):
        companies = str(match_on).startswith("company")
        answers["records"] = "companies" if companies else "users"
        answers["company_identifier" if companies else "identifier"] = match_on
        prefix = str(settings.get((SYNC.map, "attribute_prefix")) or "")
        table: JsonObject = settings.get(ATTRIBUTES) or {}
        answers["statuses"] = find_statuses(settings.get(ONLY_CUSTOMERS) or "")
        answers["left_out"] = tuple(name.removeprefix(prefix) for name, value in table.items() if value is False)
    return answers


def _find_answer(question: Question, settings: Mapping[Setting, JsonValue]) -> Answer:
    value: JsonValue = next((settings[one] for one in question.settings if settings.get(one) is not None), None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is not None:
        answer: Answer = value
        return answer
    if question.multiple:
        return ()
    return question.choices[0].value if question.choices else ""
