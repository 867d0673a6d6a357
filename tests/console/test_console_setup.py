"""Which settings the answers of setup become, and where answers come from without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES
from standpipe_console.project.pipelines import SYNC as SYNC_PIPELINE
from standpipe_console.setup.command import parse_keys
from standpipe_console.setup.prompts import Options
from standpipe_console.setup.questions import QUESTIONS, STATUSES, Choice, Question, build_settings, find_answers
from standpipe_console.setup.steps import Accounts, Outcome, find_sandbox, set_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.project.plugin_facts import PluginFacts

MAP, TARGET = "map-subscriptions", "target-intercom"
SYNC = {question.name: question for question in QUESTIONS["intercom"]}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"records": "users", "identifier": "email"},
            {(MAP, "match_on"): "email", (TARGET, "match_contacts_on"): "email"},
        ),
        (
            {"records": "users", "identifier": "user_id", "user_id_field": "cf_user_id"},
            {
                (MAP, "user_id_field"): "cf_user_id",
                (MAP, "match_on"): "user_id",
                (TARGET, "match_contacts_on"): "external_id",
            },
        ),
        (
            {"records": "companies", "company_identifier": "company_name", "company_name_field": "company"},
            {
                (MAP, "company_name_field"): "company",
                (MAP, "match_on"): "company_name",
                (TARGET, "match_companies_on"): "name",
            },
        ),
        (
            {
                "identifier": "email",
                "on_match": "update_all",
                "on_no_match": "create",
                "create_cancelled": "yes",
                "on_lead": "convert",
                "customer_fields": ("cf_tier",),
                "subscription_fields": (),
            },
            {
                (TARGET, "on_match"): "update_all",
                (TARGET, "on_no_match"): "create",
                (TARGET, "create_cancelled"): True,
                (TARGET, "on_lead"): "convert",
                (MAP, "extra_customer_fields"): ["cf_tier"],
                (MAP, "extra_subscription_fields"): [],
                (MAP, "match_on"): "email",
                (TARGET, "match_contacts_on"): "email",
            },
        ),
    ],
    ids=["e-mail", "user id", "company name", "the rest"],
)
def test_answers_mean_settings(answers: dict[str, Any], expected: dict[tuple[str, str], Any]) -> None:
    """One answer sets the match settings of both the map and the target."""
    assert build_settings("intercom", answers) == expected


FILTER, TABLE = (MAP, "only_customers"), (MAP, "attributes")


@pytest.mark.parametrize(
    ("statuses", "expression"),
    [
        (("active", "in_trial"), "sub_status in ['active', 'in_trial']"),
        (("none",), "is_empty(sub_status)"),
        (("paused", "none"), "is_empty(sub_status) or sub_status in ['paused']"),
        (("cust_mrr > 5",), "cust_mrr > 5"),
    ],
    ids=["statuses", "none", "both", "of the user"],
)
def test_a_filter_by_status(statuses: tuple[str, ...], expression: str) -> None:
    """The chosen statuses become a filter, and the filter the answer of the next setup; another filter stays."""
    settings = build_settings("intercom", {"identifier": "email", "statuses": statuses})
    assert settings[FILTER] == expression
    assert find_answers("intercom", settings)["statuses"] == statuses


def test_all_statuses_are_no_filter() -> None:
    """Without a choice nothing is set; a present filter goes when nothing is checked."""
    answers = {"identifier": "email", "statuses": ()}
    assert FILTER not in build_settings("intercom", answers)
    assert build_settings("intercom", answers, {FILTER: "cust_mrr > 5"})[FILTER] == ""
    assert build_settings("intercom", {**answers, "statuses": tuple(STATUSES)})[FILTER] == ""


def test_attributes_that_are_left_out() -> None:
    """The chosen attributes are left out; what is renamed or computed stays."""
    present = {TABLE: {"cust_mrr": "revenue", "cb_payment_type": False}, (MAP, "attribute_prefix"): "cb_"}
    assert find_answers("intercom", {**present, (MAP, "match_on"): "email"})["left_out"] == ("payment_type",)
    answers = {"identifier": "email", "left_out": ("company_name",)}
    assert build_settings("intercom", answers, present)[TABLE] == {"cust_mrr": "revenue", "company_name": False}
    assert TABLE not in build_settings("intercom", {**answers, "left_out": ()})


def test_leads_have_settings_of_their_own() -> None:
    """The other pipeline's settings do not change."""
    answers = {"customer_id": "id", "source": "Leads", "company_attributes": ["plan_type"], "contact_attributes": []}
    assert build_settings("chartmogul", answers) == {
        ("map-leads", "customer_id_field"): "id",
        ("target-chartmogul", "data_source_name"): "Leads",
        ("map-leads", "company_attributes"): ["plan_type"],
        ("map-leads", "contact_attributes"): [],
    }


@given(
    st.fixed_dictionaries(
        {
            question.name: st.sampled_from([choice.value for choice in question.choices])
            for question in SYNC.values()
            if question.choices
        }
    )
)
def test_asked_again_the_answers_are_those_that_are_set(given_answers: dict[str, Any]) -> None:
    """The next setup proposes the earlier answers."""
    answers: dict[str, Any] = {}
    for question in SYNC.values():
        if question.is_asked(answers) and question.name in given_answers:
            answers[question.name] = given_answers[question.name]
    begins = find_answers("intercom", build_settings("intercom", answers))
    assert {name: begins[name] for name in answers} == answers


@pytest.mark.parametrize("pipeline", PIPELINES, ids=[pipeline.system for pipeline in PIPELINES])
def test_the_first_answers_are_the_plugins_defaults(pipeline: Pipeline, facts_of: Callable[[str], PluginFacts]) -> None:
    """In a new project, pressing Enter at every question keeps the defaults."""
    defaults = {
        (plugin, name): value for plugin in pipeline.plugins for name, value in facts_of(plugin).defaults.items()
    }
    answers: dict[str, Any] = {}
    for question in QUESTIONS[pipeline.system]:
        if question.is_asked(answers):
            answers[question.name] = find_answers(pipeline.system, defaults)[question.name]
    settings = build_settings(pipeline.system, answers)
    assert {setting: defaults[setting] for setting in settings} == settings


def test_an_option_goes_before_what_is_set() -> None:
    """Without an option the current setting stays. An error for an unknown field lists the site's fields."""
    site = lambda: (Choice("id", "id"), Choice("cf_user_id", "cf_user_id"))  # noqa: E731
    question = SYNC["user_id_field"]
    assert Options({"user_id_field": "cf_user_id"}, {}).ask_question(question, site, "id") == "cf_user_id"
    assert Options({"user_id_field": None}, {}).ask_question(question, site, "id") == "id"
    with pytest.raises(ConsoleError, match=r"^--user-id-field cannot be cf_nope: choose from id, cf_user_id\.$"):
        Options({"user_id_field": "cf_nope"}, {}).ask_question(question, site, "id")


def test_what_is_not_asked_by_option_costs_no_call() -> None:
    """The site's fields are read only to check an option."""

    def never() -> tuple[Choice, ...]:
        raise AssertionError

    assert Options({}, {}).ask_question(SYNC["customer_fields"], never, ["cf_tier"]) == ["cf_tier"]
    free = Question("source", "?", accepts_other=True, choices_from="sources")
    assert Options({"source": "New"}, {}).ask_question(free, never, "Old") == "New"


def test_a_missing_key_says_where_to_put_it() -> None:
    """The error also says why a key is not an option."""
    with pytest.raises(ConsoleError, match=r"TAP_CHARGEBEE_API_KEY.*could read an argument"):
        Options({}, {}).ask_key("TAP_CHARGEBEE_API_KEY", "Chargebee API key", None)
    with pytest.raises(ConsoleError, match=r"^--site is missing"):
        Options({}, {}).ask_text("site", "Chargebee site", "")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([], "Stopped: nothing was written."),
        (
            ["TAP_CHARGEBEE_API_KEY", "tap-chargebee site: acme"],
            (
                "Stopped. These settings stay in .env: TAP_CHARGEBEE_API_KEY, tap-chargebee site: acme. "
                "The next setup begins with them."
            ),
        ),
    ],
)
def test_a_stopped_setup_says_what_it_kept(written: list[str], expected: str) -> None:
    """The message shows settings with their values, but only the names of keys."""
    assert Outcome(written).stop_message == expected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "https://user@localhost", "localhost:8100"], ids=["nobody there", "user", "no scheme"]
)
def test_what_is_no_sandbox_is_refused_in_a_sentence(url: str) -> None:
    """The error comes before anything is written."""
    with pytest.raises(ConsoleError, match=r"^(No sandbox answers at|The address of an API begins with)"):
        find_sandbox(url)


def test_a_sandbox_is_tried_by_one_address(sandbox: RunningSandbox) -> None:
    """The addresses of the three accounts follow from it, with or without a slash at its end."""
    assert find_sandbox(f"http://127.0.0.1:{sandbox.port}/") == Accounts(
        {"chargebee": sandbox.chargebee_url, "intercom": sandbox.intercom_url, "chartmogul": sandbox.chartmogul_url},
        sandbox=True,
    )


def test_trying_it_never_costs_the_keys_of_real_accounts(project: Project, sandbox: RunningSandbox) -> None:
    """Setup with the sandbox refuses a pipeline that has the keys of real accounts."""
    for plugin in SYNC_PIPELINE.plugins:
        project.set_settings(plugin, {})
    project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "live_1")
    before = project.dotenv.path.read_text()
    accounts = find_sandbox(f"http://127.0.0.1:{sandbox.port}")
    with pytest.raises(
        ConsoleError, match=r"^TAP_CHARGEBEE_API_KEY is set already, for a real account: try the sandbox"
    ):
        set_up(project, SYNC_PIPELINE, Options({}, {}), accounts, Outcome())
    assert (project.dotenv.path.read_text(), sandbox.calls()["calls"]) == (before, [])


def test_keys_come_through_standard_input() -> None:
    """An error about a malformed line does not show the line."""
    assert parse_keys(["TAP_CHARGEBEE_API_KEY=a=b\n", "\n"]) == {"TAP_CHARGEBEE_API_KEY": "a=b"}
    with pytest.raises(ConsoleError) as error:
        parse_keys(["live_secret123"])
    assert "live_secret123" not in error.value.message
