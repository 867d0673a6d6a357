"""`live install` and `live remove` against the sandbox's Chargebee, and the delivery of an event to the receiver."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import uvicorn
from click.testing import CliRunner
from standpipe_console.cli import main
from standpipe_console.live.chargebee_events import RINGING_TYPES
from standpipe_console.live.commits import GroupCommits
from standpipe_console.live.credentials import Credentials
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.receiver import Receiver
from standpipe_console.project.meltano import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox

ROOT = Path(__file__).parents[2]
PATIENCE = 10
INSTALLED = "Chargebee: the webhook whv2_7Zz000000003 sends to {}/hooks/chargebee; its credentials are in .env."
FULL_ACCESS, READ_ONLY = "sandbox_key", "sandbox_read_only_key"


@pytest.fixture
def project(tmp_path: Path, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project that is set up for Chargebee to Intercom with a read-only key."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    monkeypatch.delenv("MELTANO_SYS_DIR_ROOT", raising=False)
    project = Project(tmp_path, "prod")
    for name, value in (
        ("TAP_CHARGEBEE_SITE", "sandbox"),
        ("TAP_CHARGEBEE_API_KEY", READ_ONLY),
        ("TAP_CHARGEBEE_API_URL", sandbox.chargebee_url),
        ("TARGET_INTERCOM_ACCESS_TOKEN", "sandbox_token"),
    ):
        project.dotenv.set_value(name, value)
    return Project(tmp_path, "prod")


def call_live(project: Project, *arguments: str, key: str = FULL_ACCESS) -> tuple[int, list[str]]:
    """Run a command of live with a key on standard input; return its exit code and its output lines."""
    command = ["--project", str(project.root), "live", *arguments, "--key-from-stdin"]
    done = CliRunner().invoke(main, command, input=f"{key}\n")
    return done.exit_code, done.output.splitlines()


def list_endpoints(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """Return the site's endpoints without the sandbox's own three."""
    reply = requests.get(f"{sandbox.chargebee_url}/webhook_endpoints", auth=(READ_ONLY, ""), timeout=PATIENCE)
    endpoints = [one["webhook_endpoint"] for one in reply.json()["list"]]
    return [one for one in endpoints if not one["name"].startswith("Endpoint ")]


def count_posts(sandbox: RunningSandbox) -> dict[str, int]:
    """Return the number of calls per writing operation of Chargebee."""
    return {one["path"]: one["count"] for one in sandbox.calls()["calls"] if one["method"] == "POST"}


def read_credentials(project: Project) -> tuple[str | None, str | None]:
    """Return the user name and password that `.env` has now."""
    again = Project(project.root, "prod")
    return again.get_variable("LIVE_CHARGEBEE_USERNAME"), again.get_variable("LIVE_CHARGEBEE_PASSWORD")


def test_install_creates_one_endpoint_for_the_events_that_live_reads(project: Project, sandbox: RunningSandbox) -> None:
    """It has the credentials from `.env`, and Chargebee sends it no card data."""
    code, lines = call_live(project, "install", "--url", "http://127.0.0.1:8200")
    assert code == 0
    assert lines[0] == INSTALLED.format("http://127.0.0.1:8200")
    assert list_endpoints(sandbox) == [
        {
            "id": "whv2_7Zz000000003",
            "name": "Standpipe",
            "url": "http://127.0.0.1:8200/hooks/chargebee",
            "send_card_resource": False,
            "disabled": False,
            "primary_url": False,
            "api_version": "v2",
            "chargebee_response_schema_type": "compat",
            "enabled_events": list(RINGING_TYPES),
            "object": "webhook_endpoint",
        }
    ]
    (endpoint,) = sandbox.world.business.table("webhook_endpoints").records[3:]
    username, password = read_credentials(project)
    assert username == "standpipe"
    assert endpoint.hidden == {"basic_auth_username": username, "basic_auth_password": password}
    assert FULL_ACCESS not in (project.root / ".env").read_text().splitlines()


def test_install_with_moments_adds_the_reminders_that_they_need(
    project: Project, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reminder changes no attribute, so Chargebee sends it only to those who chose its moment."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    command = project.find_venv("map-subscriptions") / "bin" / "map-subscriptions"
    command.parent.mkdir(parents=True)
    command.symlink_to(Path(sys.executable).with_name("map-subscriptions"))
    project.dotenv.set_value("MAP_SUBSCRIPTIONS_MOMENTS", '["trial_ending", "payment_failed"]')
    assert call_live(project, "install", "--url", "http://127.0.0.1:8200") == (
        0,
        [INSTALLED.format("http://127.0.0.1:8200")],
    )
    (endpoint,) = list_endpoints(sandbox)
    assert endpoint["enabled_events"] == [*RINGING_TYPES, "subscription_trial_end_reminder"]


def test_install_again_updates_the_endpoint(project: Project, sandbox: RunningSandbox) -> None:
    """Its id and password stay, and it gets the new address."""
    call_live(project, "install", "--url", "http://127.0.0.1:8200")
    before = read_credentials(project)
    code, lines = call_live(project, "install", "--url", "https://hooks.example.com")
    assert code == 0
    assert lines[0] == INSTALLED.format("https://hooks.example.com")
    (endpoint,) = list_endpoints(sandbox)
    assert (endpoint["url"], endpoint["enabled_events"]) == (
        "https://hooks.example.com/hooks/chargebee",
        list(RINGING_TYPES),
    )
    assert read_credentials(project) == before
    assert count_posts(sandbox) == {"/webhook_endpoints": 1, "/webhook_endpoints/{id}": 1}


def test_remove_deletes_the_endpoint(project: Project, sandbox: RunningSandbox) -> None:
    """It also deletes the credentials. A second `remove` finds no endpoint."""
    call_live(project, "install", "--url", "http://127.0.0.1:8200")
    code, lines = call_live(project, "remove")
    assert (code, lines[0]) == (0, "Chargebee: the webhook is deleted.")
    assert list_endpoints(sandbox) == []
    assert read_credentials(project) == (None, None)
    code, lines = call_live(project, "remove")
    assert (code, lines[0]) == (0, "Chargebee: there was no webhook of Standpipe.")
    assert count_posts(sandbox) == {"/webhook_endpoints": 1, "/webhook_endpoints/{id}/delete": 1}


@pytest.mark.parametrize(
    ("key", "calls"),
    [(READ_ONLY, {"/webhook_endpoints": 1}), ("guess", {})],
    ids=["a key that reads", "an unknown key"],
)
def test_install_says_when_a_key_may_not_write(
    project: Project, sandbox: RunningSandbox, key: str, calls: dict[str, int]
) -> None:
    """The error says which kind of key is needed. No endpoint is created."""
    code, lines = call_live(project, "install", "--url", "http://127.0.0.1:8200", key=key)
    assert (code, lines[-1]) == SENTENCES[key]
    assert list_endpoints(sandbox) == []
    assert count_posts(sandbox) == calls


SENTENCES = {
    READ_ONLY: (1, "Error: Chargebee refuses this key for webhooks: use a full-access key, for this command only."),
    "guess": (
        1,
        "Error: Chargebee does not answer /webhook_endpoints: Sorry, authentication failed. Invalid API key.",
    ),
}


def test_install_says_when_a_site_has_no_room(project: Project, sandbox: RunningSandbox) -> None:
    """The error has the vendor's text."""
    for name in ("Fourth", "Fifth"):
        form = {"name": name, "url": "https://example.com/hooks"}
        url = f"{sandbox.chargebee_url}/webhook_endpoints"
        assert requests.post(url, data=form, auth=(FULL_ACCESS, ""), timeout=PATIENCE).status_code == 200
    code, lines = call_live(project, "install", "--url", "http://127.0.0.1:8200")
    assert (code, lines[-1]) == (
        1,
        "Error: Chargebee refuses the webhook: A site has at most 5 webhook endpoints.",
    )


@pytest.fixture
def receiver(project: Project) -> Iterator[tuple[str, Inbox]]:
    """Yield the address and the inbox of a receiver that has the project's credentials."""
    project.dotenv.set_value("LIVE_CHARGEBEE_USERNAME", "standpipe")
    project.dotenv.set_value("LIVE_CHARGEBEE_PASSWORD", "pa:ss")
    inbox = Inbox(f"sqlite:///{project.root}/inbox.sqlite")
    commits = GroupCommits(inbox)
    app = Receiver(Credentials("standpipe", "pa:ss"), commits, dict).build_app()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    (port,) = (listening.getsockname()[1] for one in server.servers for listening in one.sockets)
    yield f"http://127.0.0.1:{port}", inbox
    server.should_exit = True
    thread.join()
    commits.close()
    inbox.close()


def test_a_change_in_chargebee_rings_for_its_customer(
    project: Project, sandbox: RunningSandbox, receiver: tuple[str, Inbox]
) -> None:
    """The event passes the installed endpoint and reaches the inbox. Chargebee skips types that live does not use."""
    url, inbox = receiver
    sandbox.reset(customers=60, chargebee_webhook_duplicates=100)
    assert call_live(project, "install", "--url", url)[0] == 0
    business = sandbox.world.business
    changed, coupon = business.customers.records[0], business.table("coupons").records[0]
    business.edit("coupons", coupon.id, name="Autumn")
    business.edit("customers", changed.id, first_name="Ada")
    deadline = time.monotonic() + PATIENCE
    while not (waiting := inbox.list_waiting("sync")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [(one.target.subject.value, one.target.id) for one in waiting] == [("customer", changed.id)]
    assert inbox.list_counts().keys() == {("chargebee", "customer_changed")}
    (kept,) = (event for event in business.events.records if event and event.event_type == "coupon_updated")
    assert kept.webhooks == {"whv2_7Zz000000003": "not_applicable"}
