"""The page in a real browser: every page readable, without a script, on a phone and for a screen reader."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from standpipe_console.page import customers
from standpipe_console.page.app import build_app
from standpipe_console.page.guard import HEADERS

from tests.page.browser import needs_browser, open_browser
from tests.page.reports import HOSTILE, write_reports
from tests.page.test_page_runs import EXPLAINED, write_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

    from tests.page.conftest import Page

pytestmark = needs_browser
PASSWORD = "a long password"
ADDRESSES = ["/", "/runs", "/run?id=run-1", "/undo?id=run-1", "/customers?q=b", "/customer?id=ann", "/validation",
             "/rejects", "/leads?tab=last", "/leads?tab=merges", "/leads?tab=overrides", "/settings",
             "/settings?q=lead"]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one browser for all tests of this file."""
    with open_browser() as found:
        yield found


@pytest.fixture
def serve(open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[str, Page]]]:
    """`serve(password=…)`: the page at an address of this machine, over two runs and reports with hostile names."""
    monkeypatch.setattr(customers, "explain_customer", lambda _, wanted: {**EXPLAINED, "customer_id": wanted})
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve_one(password: str = "") -> tuple[str, Page]:
        page = open_page(password)
        write_runs(page.project)
        write_reports(page.project.root / "output")
        listener = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = build_app(page.site, frozenset({address}), is_secure=False)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.005)
        return address, page

    yield serve_one
    for server, thread in servers:
        server.should_exit = True
        thread.join(30)


def open_tab(browser: Browser, **options: Any) -> Tab:
    """Return a tab in a browser of its own."""
    return browser.new_context(**options).new_page()


def list_problems(tab: Tab) -> list[str]:
    """Return a list that collects the errors in the console of a tab."""
    problems: list[str] = []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    return problems


def list_requests(tab: Tab) -> list[str]:
    """Return a list that collects the addresses that a tab requests."""
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    return asked


def test_every_page_is_readable_by_everybody(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """Axe finds nothing serious in light and dark; nothing is loaded from elsewhere; no name becomes a script."""
    address, _ = serve()
    found: dict[str, list[str]] = {}
    for scheme in ("light", "dark"):
        tab = open_tab(browser, color_scheme=scheme)
        asked, problems = list_requests(tab), list_problems(tab)
        for path in ADDRESSES:
            answer = tab.goto(address + path)
            assert answer is not None
            assert answer.status == 200, path
            violations = Axe().run(tab).response["violations"]
            found[f"{scheme} {path}"] = [
                f"{one['id']}: {one['nodes'][0]['html'][:160]}"
                for one in violations
                if one["impact"] in {"serious", "critical"}
            ]
        assert [one for one in asked if not one.startswith(address)] == []
        assert problems == []
        tab.context.close()
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_is_wider_than_a_phone(browser: Browser, serve: Callable[..., tuple[str, Page]], width: int) -> None:
    """Every page fits on a phone, also with names of three hundred characters and everything unfolded."""
    address, _ = serve()
    tab = open_tab(browser, viewport={"width": width, "height": 800}, is_mobile=True, java_script_enabled=True)
    too_wide = {}
    for path in ADDRESSES:
        tab.goto(address + path)
        tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        over = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        too_wide[path] = over
    assert {path: over for path, over in too_wide.items() if over > 0} == {}


def test_a_phone_says_which_value_was_before(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """Where the headings of a table are not shown, each value has its label, and most of the width."""
    address, _ = serve()
    tab = open_tab(browser, viewport={"width": 390, "height": 800}, is_mobile=True)
    tab.goto(f"{address}/run?id=run-1&q=ann")
    tab.locator(".records summary").click()
    cells = tab.locator(".records .changes td")
    labels = cells.evaluate_all("all => all.map(one => getComputedStyle(one, '::before').content)")
    assert labels == ['"Before: "', '"After: "']
    assert cells.first.evaluate("one => one.clientWidth") > 250


def test_the_page_works_without_a_script(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """A person finds a customer from the first page by links and forms alone, and sees before and after."""
    address, _ = serve()
    tab = open_tab(browser, java_script_enabled=False)
    tab.goto(address)
    tab.get_by_role("link", name="Customers", exact=True).click()
    tab.get_by_label("Id, e-mail address, name or company").fill("bob@")
    tab.get_by_role("button", name="Search").click()
    tab.get_by_role("link", name="bob", exact=True).click()
    assert tab.get_by_role("heading", level=1).inner_text() == HOSTILE
    assert tab.get_by_role("row", name="cb_plan").inner_text().split("\t") == ["cb_plan", "a", HOSTILE]
    tab.get_by_role("link", name="The run").first.click()
    tab.get_by_role("link", name="Name", exact=True).click()
    assert "sort=name" in tab.url
    assert tab.locator("th[aria-sort=ascending]").inner_text().startswith("Name")


def test_a_policy_stands_between_a_name_and_a_script(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """The browser would run no script, even if a page contained one."""
    address, _ = serve()
    tab = open_tab(browser)
    problems = list_problems(tab)
    tab.goto(address)
    tab.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.ran = 1';"
        " document.body.append(one) }"
    )
    assert tab.evaluate("window.ran") is None
    assert any("Content Security Policy" in one for one in problems)
    assert "script-src" not in HEADERS["Content-Security-Policy"]


def test_the_keyboard_reaches_the_content_first(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """The first Tab reaches a link past the menu, and the focus is always visible."""
    address, _ = serve()
    tab = open_tab(browser)
    tab.goto(address)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.querySelector('main').contains(document.activeElement)") is True


def test_what_is_printed_has_no_menu_and_no_buttons(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """A printed page shows no buttons."""
    address, _ = serve()
    tab = open_tab(browser)
    tab.goto(address)
    tab.emulate_media(media="print")
    assert not tab.get_by_role("navigation", name="Pages").is_visible()
    assert [one.is_visible() for one in tab.locator("button").all()].count(True) == 0


def test_a_person_logs_in_and_out(browser: Browser, serve: Callable[..., tuple[str, Page]]) -> None:
    """A wrong password is reported, and no script can read the cookie."""
    address, _ = serve(PASSWORD)
    tab = open_tab(browser)
    tab.goto(f"{address}/runs")
    assert tab.url == f"{address}/login"
    tab.get_by_label("Password").fill("wrong password")
    tab.get_by_role("button", name="Log in").click()
    assert tab.get_by_role("alert").inner_text() == "This is not the password."
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Log in").click()
    assert tab.get_by_role("heading", level=1).inner_text() == "Overview"
    (cookie,) = tab.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], tab.evaluate("document.cookie")) == (True, "Strict", "")
    tab.get_by_role("button", name="Log out").click()
    assert tab.url == f"{address}/login"
    tab.goto(f"{address}/settings")
    assert tab.url == f"{address}/login"


def test_another_site_starts_nothing(browser: Browser, serve: Callable[..., tuple[str, Page]], tmp_path: Path) -> None:
    """A form of another origin that submits itself is refused, even in a browser that is logged in."""
    address, page = serve()
    tab = open_tab(browser)
    tab.goto(address)
    evil = tmp_path / "evil.html"
    evil.write_text(
        f'<form method="post" action="{address}/actions/sync"><input name="job" value="sync"><button>Win</button>'
    )
    tab.goto(evil.as_uri())
    tab.get_by_role("button", name="Win").click()
    assert "This form was sent from another site." in tab.content()
    assert page.site.actions.list_recent() == []
