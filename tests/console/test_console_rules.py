"""The console's own checks and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.checks import rules
from standpipe_console.checks.findings import Finding
from standpipe_console.project.pipelines import LEADS, SYNC

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.plugin_facts import PluginFacts

KWD, ISK = (dict[str, Any]({"id": name, "currency_code": name, "total": 4350}) for name in ("KWD", "ISK"))


def test_one_invoice_of_each_doubtful_currency_is_shown() -> None:
    """It is the first with an amount. Currencies that Chargebee's API documents, or that have cents, are certain."""
    certain = [{"id": code, "currency_code": code, "total": 100} for code in ("USD", "EUR", "JPY", "KRW", "XAF", "XOF")]
    invoices: list[dict[str, Any]] = [*certain, {**KWD, "total": 0}, {"id": "x"}, KWD, ISK, {**KWD, "id": "later"}]
    assert rules.find_doubtful_invoices(invoices) == [KWD, ISK]


@pytest.fixture
def with_defaults(facts_of: Callable[[str], PluginFacts]) -> Callable[..., list[dict[str, Any]]]:
    """`with_defaults(OF_MAP, OF_TARGET)`: the settings of map and target, completed with their defaults."""
    plugins = (SYNC.map, SYNC.target)
    return lambda *settings: [facts_of(plugin).defaults | one for plugin, one in zip(plugins, settings, strict=True)]


AGREED = [Finding("settings agree", "pass", "target-intercom expects what map-subscriptions sends")]


@pytest.mark.parametrize(
    ("of_map", "of_target"),
    [
        ({}, {}),
        ({"match_on": "email"}, {"match_contacts_on": "email"}),
        ({"match_on": "user_id"}, {"match_contacts_on": "external_id"}),
        ({"match_on": "company_id"}, {}),
        ({"match_on": "company_id"}, {"match_contacts_on": "external_id"}),
        ({"match_on": "company_name"}, {"match_companies_on": "name"}),
        ({"attribute_prefix": "sp_"}, {"owned_prefix": "sp_"}),
    ],
)
def test_settings_that_mean_the_same_agree(
    of_map: dict[str, Any], of_target: dict[str, Any], with_defaults: Callable[..., list[dict[str, Any]]]
) -> None:
    """A missing setting counts as its default. Settings for the other kind of record do not matter."""
    assert list(rules.compare_settings(SYNC, *with_defaults(of_map, of_target))) == AGREED


@pytest.mark.parametrize(
    ("of_map", "of_target", "what", "remedy"),
    [
        (
            {"match_on": "user_id"},
            {},
            "map-subscriptions's `match_on` is user_id, but target-intercom's `match_contacts_on` is email",
            "meltano config set --store=dotenv target-intercom match_contacts_on external_id",
        ),
        (
            {"match_on": "company_name"},
            {"match_contacts_on": "email"},
            "map-subscriptions's `match_on` is company_name, but target-intercom's `match_companies_on` is company_id",
            "meltano config set --store=dotenv target-intercom match_companies_on name",
        ),
        (
            {},
            {"match_contacts_on": "external_id"},
            "map-subscriptions's `match_on` is email, but target-intercom's `match_contacts_on` is external_id",
            "meltano config set --store=dotenv target-intercom match_contacts_on email",
        ),
        (
            {"attribute_prefix": "sp_"},
            {},
            "map-subscriptions's `attribute_prefix` is sp_, but target-intercom's `owned_prefix` is cb_",
            "meltano config set --store=dotenv target-intercom owned_prefix sp_",
        ),
    ],
    ids=["user id", "company name", "the target alone", "prefix"],
)
def test_settings_that_disagree_are_named_with_the_command_that_mends_them(
    of_map: dict[str, Any],
    of_target: dict[str, Any],
    what: str,
    remedy: str,
    with_defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    """Only the console can compare them, as no plugin sees another plugin's settings."""
    assert list(rules.compare_settings(SYNC, *with_defaults(of_map, of_target))) == [
        Finding("settings agree", "fail", what, remedy)
    ]


@pytest.mark.parametrize(
    ("seconds", "finding"),
    [
        (0.4, Finding("clock", "pass", "Intercom's clock and this machine's differ by 0 seconds")),
        (-300.0, Finding("clock", "pass", "Intercom's clock and this machine's differ by 300 seconds")),
        (
            301.0,
            Finding("clock", "fail", "this machine's clock is 301 seconds ahead of Intercom's", "set the clock: NTP"),
        ),
        (
            -4000.0,
            Finding("clock", "fail", "this machine's clock is 4000 seconds behind Intercom's", "set the clock: NTP"),
        ),
    ],
)
def test_a_clock_may_differ_by_as_much_as_is_read_back(seconds: float, finding: Finding) -> None:
    """The limit is five minutes, the tap's default lookback."""
    assert rules.compare_clocks("Intercom", seconds) == finding


@pytest.mark.parametrize(
    ("store", "generation", "held", "finding"),
    [
        (None, 0, None, Finding("state and store", "note", "nothing is synced yet", "meltano run sync")),
        ("s1", 3, 3, Finding("state and store", "pass", "the state confirms run 3 of the store, which holds run 3")),
        ("s1", 3, 4, Finding("state and store", "pass", "the state confirms run 3 of the store, which holds run 4")),
        (
            "s1",
            3,
            2,
            Finding(
                "state and store",
                "fail",
                "the store s1 is an old copy: it holds run 2, but the state confirms run 3",
                "meltano run --full-refresh sync",
            ),
        ),
        (
            "s1",
            3,
            None,
            Finding(
                "state and store",
                "fail",
                "the state names the store s1, but the store is missing",
                "restore it from a backup, or meltano run --full-refresh sync",
            ),
        ),
    ],
    ids=["never ran", "in step", "unconfirmed run", "old copy", "missing"],
)
def test_state_and_store_belong_together(
    store: str | None, generation: int, held: int | None, finding: Finding
) -> None:
    """A store may be ahead of the state when its run was not confirmed. It must never be behind."""
    assert rules.compare_state_and_store(SYNC, store, generation, held) == finding


def test_a_plugin_that_is_not_installed_is_named() -> None:
    """There is one finding per plugin."""
    installed = {"tap-intercom": "0.1.0", "map-leads": None, "target-chartmogul": None}
    assert [finding.what for finding in rules.check_versions(installed, LEADS.plugins)] == [
        "map-leads is not installed",
        "target-chartmogul is not installed",
    ]
    assert list(rules.check_versions(dict.fromkeys(LEADS.plugins, "0.1.0"), LEADS.plugins)) == [
        Finding("plugins", "pass", "tap-intercom 0.1.0, map-leads 0.1.0, target-chartmogul 0.1.0")
    ]


@pytest.mark.parametrize(
    ("of_map", "of_target", "findings"),
    [
        ({}, {}, []),
        (
            {"only_customers": "cust_mrr > 0"},
            {},
            [
                Finding(
                    "filter",
                    "pass",
                    "only customers for whom `cust_mrr > 0` take part; the others keep what Intercom shows",
                )
            ],
        ),
        (
            {"only_customers": "cust_mrr > 0", "on_left_out": "clear"},
            {"link_attribute": "cb_cust_id"},
            [
                Finding(
                    "filter",
                    "pass",
                    "only customers for whom `cust_mrr > 0` take part; what Intercom shows of the others is cleared",
                )
            ],
        ),
        (
            {"only_customers": "cust_mrr > 0", "on_left_out": "clear"},
            {"link_attribute": ""},
            [
                Finding(
                    "filter",
                    "fail",
                    "map-subscriptions's `on_left_out` is clear, but target-intercom's `link_attribute` is empty, so "
                    "nothing shows which records to clear",
                    "meltano config set --store=dotenv map-subscriptions on_left_out keep",
                )
            ],
        ),
    ],
    ids=["none", "keep", "clear", "clear without a link"],
)
def test_what_the_filter_does(of_map: dict[str, Any], of_target: dict[str, Any], findings: list[Finding]) -> None:
    """`doctor` says what a filter does, and that nothing can be cleared without the link."""
    assert list(rules.check_filter(SYNC, of_map, of_target)) == findings
