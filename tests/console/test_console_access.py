"""The checks of keys against the sandbox: they write nothing, and they name each refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.api import vendors
from standpipe_console.checks import access
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import LEADS, SYNC, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox
    from standpipe_console.checks.findings import Finding
    from standpipe_console.project.plugin_facts import PluginFacts

CHARGEBEE, INTERCOM = SYNC.keys
READER, CHARTMOGUL = LEADS.keys
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def check(
    of_plugins: dict[str, dict[str, Any]], facts_of: Callable[[str], PluginFacts]
) -> Callable[..., list[Finding]]:
    """`check(KEY, setting=VALUE)`: all findings about a key."""
    return lambda key, **settings: list(
        access.check_key(key, of_plugins[key.plugin] | settings, facts_of(key.plugin), NOW)
    )


def list_texts(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Return check, result and text of each finding."""
    return [(one.check, one.result, one.what) for one in findings]


def contacts_of(sandbox: RunningSandbox) -> list[Any]:
    """Return all contacts of the sandbox with all their fields."""
    return [contact.document for contact in sandbox.world.intercom.contacts.live()]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            CHARGEBEE,
            [
                ("key", "pass", "Chargebee accepts TAP_CHARGEBEE_API_KEY"),
                (
                    "scope",
                    "pass",
                    "TAP_CHARGEBEE_API_KEY may read customers, read subscriptions, read invoices, read events",
                ),
                ("catalog", "pass", "the site sandbox has Product Catalog 2.0"),
                (
                    "limit",
                    "note",
                    "Chargebee does not say: 150 calls a minute on a test site, 1,000 or 3,500 on a paid plan",
                ),
                ("clock", "note", "Chargebee is a sandbox with a clock of its own: not compared"),
            ],
        ),
        (
            READER,
            [
                ("key", "pass", "Intercom accepts TAP_INTERCOM_ACCESS_TOKEN"),
                ("scope", "pass", "TAP_INTERCOM_ACCESS_TOKEN may read users, read companies, read attributes"),
                ("limit", "pass", "Intercom permits 10,002 calls a minute"),
                ("clock", "note", "Intercom is a sandbox with a clock of its own: not compared"),
            ],
        ),
        (
            CHARTMOGUL,
            [
                ("key", "pass", "ChartMogul accepts TARGET_CHARTMOGUL_API_KEY"),
                ("scope", "pass", "TARGET_CHARTMOGUL_API_KEY may read customers, read sources"),
                ("limit", "note", "ChartMogul permits 40 calls a second"),
                ("clock", "note", "ChartMogul is a sandbox with a clock of its own: not compared"),
            ],
        ),
    ],
    ids=["chargebee", "intercom", "chartmogul"],
)
def test_a_good_key_is_told_of(
    key: Key, expected: list[tuple[str, str, str]], check: Callable[..., list[Finding]]
) -> None:
    """The findings name the account, the permissions and the rate limit."""
    assert [line for line in list_texts(check(key)) if line[0] != "region"] == expected


def test_a_token_that_writes_is_asked_to_write_to_nobody(
    check: Callable[..., list[Finding]], sandbox: RunningSandbox
) -> None:
    """An update of an id that does not exist proves the permission and changes nothing."""
    before = contacts_of(sandbox)
    assert list_texts(check(INTERCOM))[1] == (
        "scope",
        "pass",
        "TARGET_INTERCOM_ACCESS_TOKEN may read users, read companies, read attributes, write users, write companies",
    )
    assert contacts_of(sandbox) == before


@pytest.mark.parametrize("key", [CHARGEBEE, INTERCOM, CHARTMOGUL], ids=["chargebee", "intercom", "chartmogul"])
def test_a_wrong_key_is_one_failure_that_does_not_show_it(key: Key, check: Callable[..., list[Finding]]) -> None:
    """The finding has the vendor's text, the name of the variable, and the place to create a key."""
    (finding,) = check(key, **{key.setting: "wrong-1234"})
    assert (finding.check, finding.result, finding.remedy) == ("key", "fail", access.WHERE_TO_MAKE[key.api])
    assert key.variable in finding.what
    assert "wrong-1234" not in f"{finding}"


@pytest.mark.parametrize(
    ("key", "method", "path", "what"),
    [
        (CHARGEBEE, "GET", "/invoices", "TAP_CHARGEBEE_API_KEY may not read invoices: No."),
        (INTERCOM, "PUT", "/contacts/*", "TARGET_INTERCOM_ACCESS_TOKEN may not write users: No."),
        (INTERCOM, "POST", "/companies/list", "TARGET_INTERCOM_ACCESS_TOKEN may not read companies: No."),
        (CHARTMOGUL, "GET", "/data_sources", "TARGET_CHARTMOGUL_API_KEY may not read sources: No."),
    ],
)
def test_a_missing_permission_is_named(  # noqa: PLR0913, PLR0917 a table's columns
    key: Key, method: str, path: str, what: str, check: Callable[..., list[Finding]], sandbox: RunningSandbox
) -> None:
    """The finding names what the permission is for. No other check fails."""
    body = {"message": "No.", "errors": [{"code": "forbidden", "message": "No."}]}
    sandbox.fault(api=key.api, method=method, path=path, effect={"status": 403, "body": body})
    try:
        failures = [one for one in list_texts(check(key)) if one[1] == "fail"]
    finally:
        sandbox.clear_faults()
    assert failures == [("scope", "fail", what)]


def test_an_address_where_nobody_answers_is_one_sentence(facts_of: Callable[[str], PluginFacts]) -> None:
    """The error names the address and no key."""
    api = vendors.connect_intercom(
        {"api_url": "http://127.0.0.1:9", "access_token": "secret-9"}, facts_of("target-intercom")
    )
    with pytest.raises(ConsoleError, match=r"^Intercom does not answer at http://127\.0\.0\.1:9 ") as error:
        api.get("/me")
    assert "secret-9" not in error.value.message


def test_every_contact_and_company_is_read(
    of_plugins: dict[str, dict[str, Any]], facts_of: Callable[[str], PluginFacts], sandbox: RunningSandbox
) -> None:
    """All pages are read, and each record once."""
    api = vendors.connect_intercom(of_plugins["target-intercom"], facts_of("target-intercom"))
    ids = [contact["id"] for contact in vendors.fetch_contacts(api)]
    assert sorted(ids) == sorted(contact.id for contact in sandbox.world.intercom.contacts.live())
    companies = [company["id"] for company in vendors.fetch_companies(api)]
    assert len(companies) == len(set(companies)) > 0


def test_an_open_scroll_is_waited_for(
    of_plugins: dict[str, dict[str, Any]],
    facts_of: Callable[[str], PluginFacts],
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While another program scrolls the companies, the console waits; a scroll that stays open is one sentence."""
    api = vendors.connect_intercom(of_plugins["target-intercom"], facts_of("target-intercom"))
    scroll = sandbox.world.intercom.scroll
    assert api.get("/companies/scroll").ok
    monkeypatch.setattr("time.sleep", lambda _: setattr(scroll, "_open", None))
    assert len(list(vendors.fetch_companies(api))) > 0
    assert api.get("/companies/scroll").ok
    monkeypatch.setattr(vendors, "_SCROLL_PATIENCE", 0)
    with pytest.raises(ConsoleError, match=r"^Intercom does not answer /companies/scroll: .*scroll"):
        list(vendors.fetch_companies(api))
