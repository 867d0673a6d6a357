"""Who may open the page, and what a request from elsewhere gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.errors import ConsoleError
from standpipe_console.page.app import FORMS, OPEN_PAGES, PAGES
from standpipe_console.page.guard import HEADERS
from standpipe_console.page.sessions import TRIES, WINDOW
from standpipe_console.page.settings import ServeSettings, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.meltano import Project

    from tests.page.conftest import Page

PASSWORD = "a long password"
SECURE = "https://standpipe.example.com"
ADDRESSES = [path.replace("{name}", "sync") for path in FORMS]


def log_in(page: Page, password: str = PASSWORD) -> int:
    """Send the form of the login; return the status of the answer."""
    return page.post("/login", origin=str(page.client.base_url).rstrip("/"), password=password).status_code


@pytest.mark.parametrize("address", [*PAGES, *OPEN_PAGES, "/nothing", "/static/page.css"])
def test_every_answer_forbids_scripts_and_frames(page: Page, address: str) -> None:
    """The headers are there whatever the page and the status."""
    answer = page.get(address)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "script-src" not in HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("address", PAGES)
def test_no_page_holds_a_script_or_a_style_of_its_own(page: Page, address: str) -> None:
    """No page has inline scripts or styles, which the policy would block."""
    text = page.get(address).text
    assert re.findall(r"<script|<style|\sstyle=|\son\w+=|javascript:", text) == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "127.0.0.1", "127.0.0.1:8300.evil.example", ""])
def test_a_foreign_host_is_refused(page: Page, host: str) -> None:
    """A foreign host name that resolves to this machine is refused."""
    assert page.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", None])
def test_a_form_of_another_site_is_refused(page: Page, address: str, origin: str | None) -> None:
    """A form from another site is refused, even with the right token."""
    answer = page.post(address, origin=origin, job="sync")
    assert (answer.status_code, answer.text) == (403, "This form was sent from another site.")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_without_the_pages_token_is_refused(page: Page, address: str, token: str) -> None:
    """A form without the page's token starts nothing, and the answer says what to do."""
    answer = page.post(address, token=token, job="sync")
    assert answer.status_code == 403
    assert "load the page again" in answer.text
    assert page.site.actions.list_recent() == []


def test_a_browser_without_an_origin_proves_itself_by_fetch_metadata(page: Page) -> None:
    """A form without an Origin header, as some browsers send it, is accepted by its fetch metadata."""
    token = page.read_token()
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = page.client.post("/logout", data={"token": token}, headers=headers, follow_redirects=False)
    assert answer.status_code == 303


def test_a_form_that_is_too_large_is_refused(page: Page) -> None:
    """A form that is too large is refused before it is read completely."""
    assert page.post("/actions/sync", job="x" * 100_000).status_code == 413


@pytest.mark.parametrize("address", [*PAGES, "/nothing"])
def test_without_a_login_nothing_is_seen(open_page: Callable[..., Page], address: str) -> None:
    """Every address leads to the login, even an unknown one."""
    page = open_page(PASSWORD)
    answer = page.get(address, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/login", "")


@pytest.mark.parametrize("address", [one for one in ADDRESSES if one != "/login"])
def test_without_a_login_nothing_is_started(open_page: Callable[..., Page], address: str) -> None:
    """Forms are refused."""
    page = open_page(PASSWORD)
    assert page.post(address, token=page.read_token("/login"), job="sync").status_code == 401


def test_the_password_opens_the_page_until_the_logout(open_page: Callable[..., Page]) -> None:
    """Neither the cookie from before the login nor the one from after the logout works."""
    page = open_page(PASSWORD)
    page.get("/login")
    before = page.client.cookies["standpipe"]
    assert log_in(page) == 303
    inside = page.client.cookies["standpipe"]
    assert inside != before
    assert page.get("/", follow_redirects=False).status_code == 200
    assert page.post("/logout").status_code == 303
    page.client.cookies.clear()
    for cookie in (before, inside):
        answer = page.get("/", follow_redirects=False, headers={"Cookie": f"standpipe={cookie}"})
        assert answer.status_code == 303


def test_a_login_ends_by_itself(open_page: Callable[..., Page]) -> None:
    """After twelve hours."""
    page = open_page(PASSWORD)
    log_in(page)
    page.clock.now += 12 * 3600 + 1
    assert page.get("/", follow_redirects=False).status_code == 303


def test_who_tries_passwords_waits(open_page: Callable[..., Page]) -> None:
    """After five wrong passwords, even the right one is refused for five minutes."""
    page = open_page(PASSWORD)
    assert [log_in(page, f"wrong {n}") for n in range(TRIES)] == [401] * TRIES
    assert log_in(page) == 429
    page.clock.now += WINDOW + 1
    assert log_in(page) == 303


@pytest.mark.parametrize("password", ["", "A LONG PASSWORD", PASSWORD + " ", "ü" * 1000])
def test_a_wrong_password_opens_nothing(open_page: Callable[..., Page], password: str) -> None:
    """A wrong password is refused, and the page does not repeat it."""
    page = open_page(PASSWORD)
    assert log_in(page, password) == 401
    assert page.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("address", "name", "flags"),
    [
        ("http://127.0.0.1:8300", "standpipe", "Path=/; HttpOnly; SameSite=Strict"),
        (SECURE, "__Host-standpipe", "Path=/; HttpOnly; SameSite=Strict; Secure"),
    ],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(
    open_page: Callable[..., Page], address: str, name: str, flags: str
) -> None:
    """Behind a proxy with TLS, the cookie is sent over https only."""
    header = open_page(PASSWORD, address).get("/login").headers["set-cookie"]
    assert re.fullmatch(rf"{name}=[\w-]{{43}}; {flags}", header)


def test_no_log_names_a_customer(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    """Requests are logged by the name of the page, as addresses contain search texts."""
    caplog.set_level("INFO")
    page.get("/settings?q=ann@example.com")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("standpipe_console")]
    assert [re.sub(r"\d+ ms", "… ms", line) for line in lines] == ["GET /settings 200 … ms"]


@pytest.mark.parametrize(
    ("listen", "variables", "expected"),
    [
        ("127.0.0.1:8300", {}, {"host": "127.0.0.1", "port": 8300}),
        ("[::1]:8300", {}, {"host": "::1", "port": 8300}),
        (
            "0.0.0.0:80",
            {"SERVE_PASSWORD": PASSWORD, "SERVE_URL": f"{SECURE}/"},
            {"host": "0.0.0.0", "port": 80, "password": PASSWORD, "url": SECURE},  # noqa: S104
        ),
    ],
)
def test_where_the_page_listens(
    project: Project, monkeypatch: pytest.MonkeyPatch, listen: str, variables: dict[str, str], expected: dict[str, Any]
) -> None:
    """The page listens at the given address; only addresses of this machine need no other setting."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert read_settings(project, listen) == ServeSettings(**expected)


@pytest.mark.parametrize(
    ("listen", "variables", "sentence"),
    [
        ("0.0.0.0:80", {}, "set SERVE_PASSWORD"),
        ("192.168.1.2:80", {"SERVE_PASSWORD": PASSWORD}, "set SERVE_URL to the https:// address"),
        ("127.0.0.1:8300", {"SERVE_URL": SECURE}, "set SERVE_PASSWORD"),
        ("127.0.0.1:8300", {"SERVE_PASSWORD": "short"}, "at least 8 characters"),
        ("127.0.0.1:8300", {"SERVE_URL": "http://standpipe.example.com"}, "must be the https:// address"),
        ("127.0.0.1:8300", {"SERVE_URL": f"{SECURE}/path"}, "without a path"),
        ("127.0.0.1", {}, "takes HOST:PORT"),
        ("127.0.0.1:99999", {}, "takes HOST:PORT"),
    ],
)
def test_a_page_that_others_could_open_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, listen: str, variables: dict[str, str], sentence: str
) -> None:
    """A page that others could open without protection is refused in one sentence that names the setting."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConsoleError, match=re.escape(sentence)):
        read_settings(project, listen)
