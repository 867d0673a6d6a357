"""How messages reach a server through Apprise, and what happens when they do not."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from standpipe_console.alerts.check import check_alerts, check_until_stopped, tell_after_run
from standpipe_console.alerts.delivery import open_channels
from standpipe_console.alerts.messages import Message
from standpipe_console.checks.alert_checks import check_alerts as check_settings
from standpipe_console.checks.findings import Finding
from standpipe_console.cli import main
from standpipe_console.history import open_history
from standpipe_console.live.problems import Problems
from standpipe_console.project.pipelines import SYNC
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.meltano import Project

TOKEN = "Intercom refused the token in `access_token` (Access Token Invalid)"
#: Half a second: a check that takes longer than a few of them waits for something.
LIMIT = 0.5


def run_standpipe(project: Project, *words: str) -> tuple[int, str]:
    """Run a command, and return its exit code and what it prints."""
    result = CliRunner().invoke(main, ["--project", str(project.root), *words])
    return result.exit_code, result.output


def test_a_failure_and_its_end_arrive_once_each(alerting: Project, sink: Any, past: Any) -> None:
    """Each arrives as one message of the right kind, however often the pipelines are checked."""
    past.add(hours_ago=5)
    past.add(TOKEN, hours_ago=4)
    assert len(check_alerts(alerting).sent) == 1
    past.add(TOKEN, hours_ago=3)
    assert check_alerts(alerting).sent == []
    past.add(hours_ago=2)
    assert len(check_alerts(alerting).sent) == 1
    assert check_alerts(alerting).sent == []
    assert [(one["title"], one["type"]) for one in sink.messages] == [
        ("Standpipe: the billing sync failed", "failure"),
        ("Standpipe: the billing sync works again", "success"),
    ]
    assert sink.messages[0]["message"].endswith(f": {TOKEN}. Run `standpipe setup`.")
    with open_history(alerting) as history:
        assert history.list_alerts() == []


def test_a_program_that_goes_on_running_tells_of_what_comes(
    alerting: Project, sink: Any, past: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Live and the page check again and again.

    A setting that cannot be used is logged once, and the checks continue.
    """
    stopping = threading.Event()
    thread = threading.Thread(target=check_until_stopped, args=(alerting, stopping, Problems(), 0.01))
    thread.start()

    def wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition() and time.monotonic() < deadline:
            stopping.wait(0.01)
        assert condition()

    past.add(hours_ago=5)
    past.add(TOKEN, hours_ago=4)
    wait_for(lambda: len(sink.messages) == 1)
    alerting.dotenv.set_value("ALERT_MARGIN", "soon")
    wait_for(lambda: bool(caplog.messages))
    alerting.dotenv.set_value("ALERT_MARGIN", "3600")
    past.add(hours_ago=2)
    wait_for(lambda: len(sink.messages) == 2)
    stopping.set()
    thread.join(30)
    assert [one["title"] for one in sink.messages] == [
        "Standpipe: the billing sync failed",
        "Standpipe: the billing sync works again",
    ]
    assert caplog.messages[0].startswith("Alerts: ALERT_MARGIN must be ")
    assert caplog.messages[1:] == ["Alerts: works again"]


def test_each_pipeline_is_told_of_by_itself(alerting: Project, sink: Any, past: Any) -> None:
    """A failure of the leads says nothing about the billing data."""
    past.add(hours_ago=2)
    past.add("ChartMogul does not answer", job="sync-leads")
    check_alerts(alerting)
    assert [one["title"] for one in sink.messages] == ["Standpipe: the leads sync failed"]


def test_a_message_shows_no_key_and_no_address(alerting: Project, sink: Any, past: Any) -> None:
    """A message contains no key and no e-mail address, whatever the log of a run says."""
    key = alerting.get_variable("TARGET_INTERCOM_ACCESS_TOKEN")
    past.add(f"sync failed (exit code 1): {key} and ann@a.example are refused; its log is {alerting.root}/logs/x.log")
    check_alerts(alerting)
    (text,) = sink.list_texts()
    assert ": … and (an e-mail address) are refused. `standpipe doctor`" in text
    assert key not in text
    assert str(alerting.root) not in text


def test_every_address_is_told_and_each_on_its_own(alerting: Project, sink: Any, past: Any) -> None:
    """A channel that is down does not delay the others, and gets its message when it is up again."""
    past.add(TOKEN)
    dead = "json://127.0.0.1:9"
    alerting.dotenv.set_value("ALERT_URLS", f"{sink.alert_url} {dead}")
    found = check_alerts(alerting)
    assert found.warning == "An alert was not delivered (json): it is sent again at the next check."
    assert len(sink.messages) == 1
    alerting.dotenv.set_value("ALERT_URLS", f"{sink.alert_url},{sink.alert_url}/second")
    assert check_alerts(alerting).warning == ""
    assert len(sink.messages) == 2


@pytest.mark.parametrize("mode", ["down", "slow"])
def test_what_was_not_delivered_is_sent_at_the_next_check(alerting: Project, sink: Any, past: Any, mode: str) -> None:
    """A server that refuses, or never ends its answer, takes limited time, and no message is lost."""
    past.add(TOKEN)
    sink.mode = mode
    before = time.monotonic()
    found = check_alerts(alerting, limit=LIMIT)
    assert time.monotonic() - before < 20 * LIMIT
    assert (found.sent, found.undelivered) == ([], ["json"])
    sink.mode = "up"
    assert len(check_alerts(alerting).sent) == 1
    assert len(sink.messages) == 1


def test_a_slow_server_does_not_hold_up_the_end_of_the_process(sink: Any) -> None:
    """After the limit, the process ends without waiting for the server's answer."""
    sink.mode = "slow"
    code = (
        "from standpipe_console.alerts.delivery import open_channels\n"
        "from standpipe_console.alerts.messages import Message\n"
        f"(channel,) = open_channels({sink.alert_url!r}, limit=0.1)\n"
        "print(channel.send(Message('info', 'title', 'text')))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert (ended.stdout, ended.stderr) == ("False\n", "")


def test_a_run_ends_as_it_does_whatever_becomes_of_its_alert(
    alerting: Project, sink: Any, past: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An undelivered message and a wrong setting cause one warning each."""
    past.add(TOKEN)
    sink.mode = "down"
    tell_after_run(alerting, "sync", is_good=False)
    alerting.dotenv.set_value("ALERT_URLS", "slackk://abc/def")
    tell_after_run(alerting, "sync", is_good=False)
    assert caplog.messages == [
        "An alert was not delivered (json): it is sent again at the next check.",
        (
            "No alert could be sent: ALERT_URLS: address 1 (slackk://…) is not one that Apprise can use. "
            "https://github.com/caronc/apprise/wiki shows the form for each service."
        ),
    ]


def test_without_addresses_nothing_is_looked_at(project: Project) -> None:
    """Without addresses, a check creates neither a history nor a lock."""
    tell_after_run(project, "sync", is_good=False)
    assert not project.system_dir.exists()


def test_a_good_run_sends_a_heartbeat(project: Project, sink: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A good full run calls the address for its job; failed runs and runs over some records call none."""
    project.dotenv.set_value("HEARTBEAT_URL", f"{sink.url}/ping/{{job}}")
    tell_after_run(project, "sync", is_good=True)
    tell_after_run(project, "sync-leads", is_good=True)
    tell_after_run(project, "sync", is_good=False)
    tell_after_run(project, "validate", is_good=True)
    assert sink.paths == ["/ping/sync", "/ping/sync-leads"]
    sink.mode = "down"
    tell_after_run(project, "sync", is_good=True)
    assert caplog.messages == ["The heartbeat of sync was not accepted: check HEARTBEAT_URL."]


def test_a_pause_is_told_and_its_end(alerting: Project, sink: Any, past: Any) -> None:
    """A pause is reported with the command that ends it, and so is its end."""
    past.add()
    with open_history(alerting) as history:
        history.pause("sync", "the run of 06:00 was undone")
    check_alerts(alerting)
    with open_history(alerting) as history:
        history.resume("sync")
    check_alerts(alerting)
    assert [one["title"] for one in sink.messages] == [
        "Standpipe: the billing sync is paused",
        "Standpipe: the billing sync is no longer paused",
    ]


def test_a_run_that_is_late_is_told(alerting: Project, sink: Any, past: Any) -> None:
    """When the schedule is in the crontab, and its next run is more than an hour overdue."""
    line = schedules.build_line(alerting, schedules.Schedule("sync-every-6h", "sync", "0 */6 * * *"))
    schedules.write_lines(alerting, {"sync-every-6h": line})
    past.add(hours_ago=14)
    check_alerts(alerting)
    past.add(hours_ago=0)
    check_alerts(alerting)
    assert [one["title"] for one in sink.messages] == [
        "Standpipe: the billing sync is late",
        "Standpipe: the billing sync is on time again",
    ]


def test_the_command_says_what_it_finds(alerting: Project, sink: Any, past: Any) -> None:
    """The command prints what is wrong, and nothing with --quiet, as cron mails all output."""
    past.add()
    assert run_standpipe(alerting, "alert", "check") == (0, "Nothing is wrong.\n")
    past.add(TOKEN, hours_ago=0.5)
    sink.mode = "down"
    code, output = run_standpipe(alerting, "alert", "check", "--quiet")
    assert (code, output) == (1, "An alert was not delivered (json): it is sent again at the next check.\n")
    sink.mode = "up"
    assert run_standpipe(alerting, "alert", "check", "--quiet") == (0, "")
    code, output = run_standpipe(alerting, "alert", "check")
    assert (code, output) == (0, f"{sink.list_texts()[0]}\n")


def test_a_test_message_reaches_every_address(alerting: Project, sink: Any) -> None:
    """Every address gets the test message, and the exit code is 1 if one did not."""
    assert run_standpipe(alerting, "alert", "test") == (0, "json: delivered.\n")
    assert sink.list_texts() == ["Alerts of Standpipe arrive here. Nothing is wrong."]
    sink.mode = "down"
    assert run_standpipe(alerting, "alert", "test") == (1, "json: not delivered: check its address.\n")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "ALERT_URLS",
            "json://127.0.0.1, slackk://xoxb-secret/x",
            (
                "ALERT_URLS: address 2 (slackk://…) is not one that Apprise can use. "
                "https://github.com/caronc/apprise/wiki shows the form for each service."
            ),
        ),
        (
            "ALERT_URLS",
            "ops-secret",
            (
                "ALERT_URLS: address 1 is not one that Apprise can use. "
                "https://github.com/caronc/apprise/wiki shows the form for each service."
            ),
        ),
        (
            "HEARTBEAT_URL",
            "hc-ping.com/secret",
            "HEARTBEAT_URL is not a web address: copy the whole address, which begins with https://.",
        ),
        ("ALERT_TIMEZONE", "Mars", "ALERT_TIMEZONE must be a time zone such as Asia/Kolkata, but is `Mars`."),
        ("ALERT_MARGIN", "-1", "ALERT_MARGIN must be a number of at least 0, but is `-1`."),
    ],
    ids=["unknown service", "no address", "heartbeat", "time zone", "margin"],
)
def test_a_wrong_setting_is_one_sentence(project: Project, variable: str, value: str, sentence: str) -> None:
    """The command and doctor report a wrong setting in one sentence, without anything that may be a key."""
    project.dotenv.set_value(variable, value)
    assert run_standpipe(project, "alert", "test") == (1, f"Error: {sentence}\n")
    assert [(one.result, one.what) for one in check_settings(project)] == [("fail", sentence)]


def test_doctor_says_where_alerts_go(alerting: Project) -> None:
    """Doctor names the services, and reports a crontab with schedules but without the line of the check."""
    schedule = schedules.Schedule("sync-every-6h", "sync", "0 */6 * * *")
    lines = {"sync-every-6h": schedules.build_line(alerting, schedule)}
    good = Finding("alerts", "pass", "alerts go to json")
    assert list(check_settings(alerting)) == [good]
    schedules.write_lines(alerting, lines)
    missing, remedy = "late runs are not noticed: the crontab has no line that checks for them", "schedule install"
    assert list(check_settings(alerting)) == [
        good,
        Finding("alerts", "fail", missing, f"meltano invoke standpipe:{remedy}"),
    ]
    schedules.write_lines(alerting, {**lines, crontab.ALERT_CHECK: schedules.build_alert_line(alerting)})
    assert list(check_settings(alerting)) == [good]
    assert set(schedules.read_installed(alerting)) == {"sync-every-6h", "alert check"}
    alerting.dotenv.remove_values(lambda name: name == "ALERT_URLS")
    assert [one.what for one in check_settings(alerting)] == ["nobody is notified when a run fails"]


def test_the_check_is_a_line_of_its_own_in_the_crontab(project: Project) -> None:
    """The line is installed with the schedules if there are addresses, and removed with the last schedule."""
    schedule = {"name": "sync-every-6h", "job": {"name": "sync"}, "cron_interval": "0 */6 * * *"}
    project.job_schedules = [schedule]
    assert set(schedules.build_lines(project)) == {"sync-every-6h"}
    project.dotenv.set_value("ALERT_URLS", "json://127.0.0.1")
    lines = schedules.build_lines(project)
    assert lines["alert check"].startswith("*/10 * * * * ")
    assert lines["alert check"].endswith(f" --project {project.root} --environment prod alert check --quiet")
    schedules.write_lines(project, lines)
    assert schedules.read_installed(project) == lines
    assert schedules.remove_pipeline(project, SYNC) == ["sync-every-6h"]
    assert schedules.read_installed(project) == {}


def test_a_service_that_raises_has_not_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any exception of a service counts as a failed delivery."""
    (channel,) = open_channels("json://127.0.0.1:9")

    def fail(**_: Any) -> bool:
        raise TypeError

    monkeypatch.setattr(channel._notify, "notify", fail)  # noqa: SLF001 no service fails like this on request
    assert channel.send(Message("info", "title", "text")) is False
