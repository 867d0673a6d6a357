"""The page in a real browser over real Meltano: all that a person without a terminal does, from the first look on.

PAGE_CUSTOMERS makes the business larger: `make ledger` takes 2,000.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.page.browser import needs_browser, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page as Tab
    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = [pytest.mark.pipeline, needs_browser]
CUSTOMERS = int(os.environ.get("PAGE_CUSTOMERS", "60"))
#: Milliseconds for what starts Meltano.
PATIENCE = 180_000 + 200 * CUSTOMERS


@pytest.fixture
def sandbox(running_sandbox: RunningSandbox) -> RunningSandbox:
    """Return the sandbox as new, with as many customers as are asked for."""
    running_sandbox.reset(customers=CUSTOMERS, seed=7)
    return running_sandbox


@pytest.fixture
def address(project: Project) -> Iterator[str]:
    """Return where `standpipe serve` serves the page of a project that has never run."""
    # Meltano is where the tests run from, until a first run has left a link to it.
    programs = Path(sys.executable).parent
    standpipe = str(programs / "standpipe")
    command = [standpipe, "--project", str(project.root), "serve", "--listen", "127.0.0.1:0"]
    env = project.env | {"PATH": f"{programs}:{project.env['PATH']}"}
    with subprocess.Popen(command, cwd=project.root, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.match(r"Open (http://127\.0\.0\.1:\d+) in a browser\.", process.stderr.readline())
        assert found
        yield found[1]
        process.terminate()
        log = process.stderr.read()
    assert "Traceback" not in log, log


@pytest.fixture
def tab(address: str) -> Iterator[Tab]:
    """Return a tab of a browser, at the overview."""
    with open_browser() as browser:
        tab = browser.new_page()
        tab.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        tab.goto(address)
        yield tab


def press(tab: Tab, button: str, ends: str = "done") -> None:
    """Press a button, and wait on the page that shows the progress until the action has ended."""
    tab.get_by_role("button", name=button, exact=True).first.click()
    tab.wait_for_url("**/action?*")
    expect(tab.locator(".badge:not(.running)")).to_be_visible()
    assert tab.locator(".badge").inner_text() == ends, tab.locator("main").inner_text()


def read_row(tab: Tab, name: str) -> list[str]:
    """Return the cells of the first row that holds a text."""
    return [cell.inner_text() for cell in tab.get_by_role("row").filter(has_text=name).first.locator("th, td").all()]


def read_written(tab: Tab) -> int:
    """Return how many records a run has written, from its page."""
    return int(tab.locator("dt:text-is('Written') + dd").inner_text().replace(",", ""))


def open_overview(tab: Tab) -> None:
    """Go back to the first page."""
    tab.get_by_role("link", name="Overview", exact=True).click()


def test_a_person_validates_syncs_looks_undoes_and_resumes(  # noqa: PLR0915 - one walk of one person
    tab: Tab, project: Project, sandbox: RunningSandbox, intercom: Intercom
) -> None:
    """Every button starts what it says, shows its progress, and the pages then show what came of it."""
    # Look first: the totals add up, and nothing was written.
    press(tab, "Validate: look without writing")
    tab.get_by_role("link", name="Validation").click()
    equation = tab.locator(".sentence").first.inner_text()
    customers, looked_up, not_sent = (int(one.replace(",", "")) for one in re.findall(r"[\d,]*\d", equation))
    assert customers == looked_up + not_sent
    assert read_row(tab, "in all")[0] == f"{customers:,}"
    assert intercom.writes() == 0

    # Sync, and look at the run and at one customer.
    open_overview(tab)
    press(tab, "Sync now")
    tab.get_by_role("link", name="See what the run did").click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Sync to Intercom")
    assert read_written(tab) == project.summary()["updated"] + project.summary()["created"] > 0
    tab.locator("tr", has_text="updated").locator("th a").first.click()
    expect(tab.get_by_text("Decision: unchanged", exact=False)).to_be_visible()
    row = read_row(tab, "cb_cust_status")
    assert row[1] == row[2] != ""
    (change,) = tab.locator(".deeds li").all()
    assert "updated in Intercom" in change.inner_text().replace("\n", " ")
    assert "/users/" in (tab.get_by_role("link", name="Open in Intercom").get_attribute("href") or "")

    # Undo: the written values are gone, and the pipeline waits until it is resumed.
    change.get_by_role("link", name="The run").click()
    tab.get_by_role("link", name="Undo this run").click()
    press(tab, "Undo this run")
    assert {one["custom_attributes"]["cb_created_by"] for one in intercom.linked().values()} == {True}
    open_overview(tab)
    expect(tab.locator(".badge", has_text="paused")).to_be_visible()
    press(tab, "Resume")

    # A run that fails half-way: the first page has the reason and the remedy, and the run's page has its writes.
    refusal = {"type": "error.list", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}
    fault = {"effect": {"status": 401, "body": refusal}, "from": 5}
    sandbox.fault(api="intercom", method="PUT", path="/contacts/*", **fault)
    open_overview(tab)
    press(tab, "Sync now", ends="failed")
    open_overview(tab)
    expect(tab.locator(".attention")).to_contain_text("Intercom refused the token")
    tab.locator(".panel", has_text="Chargebee to Intercom").get_by_role("link", name="See the run").click()
    expect(tab.locator(".badge.bad").first).to_have_text("failed")
    assert 0 < read_written(tab) < len(intercom.linked())
    sandbox.clear_faults()
    open_overview(tab)

    # A record that is refused: it is listed, and taken when it is tried again.
    body = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "Phone is odd"}]}
    sandbox.fault(api="intercom", method="PUT", path="/contacts/*", nth=1, effect={"status": 422, "body": body})
    press(tab, "Sync now")
    tab.get_by_role("link", name="Rejects").click()
    expect(tab.get_by_role("row").filter(has_text="Phone is odd")).to_have_count(1)
    press(tab, "Try all again")
    tab.get_by_role("link", name="Rejects").click()
    expect(tab.get_by_text("No record is refused.")).to_be_visible()

    # The leads, and what ChartMogul holds of them.
    open_overview(tab)
    tab.locator(".panel", has_text="Intercom to ChartMogul").get_by_role("button", name="Sync now").click()
    tab.wait_for_url("**/action?*")
    expect(tab.locator(".badge:not(.running)")).to_have_text("done")
    tab.get_by_role("link", name="Leads").click()
    press(tab, "List what ChartMogul holds")
    tab.get_by_role("link", name="Leads").click()
    expect(tab.get_by_role("table", name="In ChartMogul").locator("tbody tr").first).to_be_visible()
