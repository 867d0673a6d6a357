"""The page of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page.conftest import KEYS
from tests.page.test_page_overview import read_text

if TYPE_CHECKING:
    from tests.page.conftest import Page


def test_every_setting_has_its_value_default_and_meaning(page: Page) -> None:
    """Each setting is shown with its value, its default and the plugin's description."""
    page.project.set_setting("target-intercom", "on_no_match", "create")
    text = read_text(page.get("/settings").text)
    assert "Chargebee to Intercom: target-intercom" in text
    assert (
        "on_no_match TARGET_INTERCOM_ON_NO_MATCH create changed skip What happens when Intercom has no such user"
        in text
    )
    assert "match_contacts_on TARGET_INTERCOM_MATCH_CONTACTS_ON \N{EN DASH} email" in text


@pytest.mark.parametrize("address", ["/settings", "/", "/settings?q=key"])
def test_no_key_is_ever_shown(page: Page, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """No key is shown, not even one that was written into another setting by mistake."""
    monkeypatch.setenv("HISTORY_URL", "postgresql://ann:the-database-password@db/standpipe")
    monkeypatch.setenv("ALERT_URLS", "slack://the-alert-token")
    page.project.set_setting("tap-chargebee", "site", "the-chargebee-key")
    html = page.get(address).text
    assert [key for key in (*KEYS.values(), "the-database-password", "the-alert-token") if key in html] == []


def test_a_key_is_shown_as_set(page: Page) -> None:
    """A key is only shown as set or not set."""
    text = read_text(page.get("/settings").text)
    assert "api_key TAP_CHARGEBEE_API_KEY set, not shown" in text
    assert "serve_password SERVE_PASSWORD not set" in text


def test_settings_are_searched(page: Page) -> None:
    """The search finds settings whose name, variable or meaning contains every word."""
    text = read_text(page.get("/settings?q=lead+beside").text)
    assert "on_lead" in text
    assert "api_key" not in text
    assert "No setting has these words" in read_text(page.get("/settings?q=xyzzy").text)
