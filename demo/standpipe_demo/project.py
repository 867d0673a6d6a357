"""The Meltano project as the demo runs it: its environment, its commands, what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from sandbox.testing import RunningSandbox

FOREIGN = ("TAP_", "TARGET_", "MAP_", "MELTANO")
"""What the demo's environment begins without, so that a real key can never reach it."""
_FRAME = " \u2570\u2500\u25b6\u2502\u00d7"  #: what uv draws around its words
READS_BY_POST = frozenset({"/contacts/search", "/companies/list"})
AUTHORIZATION = {"intercom": "Bearer sandbox_token", "chartmogul/v1": "Basic c2FuZGJveF9rZXk6"}
"""By the path under which the sandbox serves an API."""


@dataclass
class Demo:
    """A sandbox, a Meltano project, and where to tell about them."""

    sandbox: RunningSandbox
    env: dict[str, str]
    folder: Path
    out: Console

    def meltano(self, *args: str) -> None:
        """Run a Meltano command; its log is shown only when it fails.

        Raises:
            SystemExit: the command failed.
        """
        # No .env is read: the demo must not know anybody's keys.
        command = [str(Path(sys.executable).with_name("meltano")), f"--env-file={os.devnull}", *args]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            raise SystemExit(f"`meltano {' '.join(args)}` failed; its log stands above.")

    def install(self) -> None:
        """Install the plugins.

        Raises:
            SystemExit: that failed; it says why.
        """
        # Only the log in JSON tells what the installer said.
        env = self.env | {"MELTANO_CLI_LOG_FORMAT": "json"}
        command = [str(Path(sys.executable).with_name("meltano")), f"--env-file={os.devnull}", "install"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise SystemExit(f"`meltano install` failed. {describe_failed_install(done.stdout + done.stderr)}")

    def run(self, pipeline: Sequence[str], target: str) -> Ran:
        """Run a pipeline; what its target says of it, and the calls that the sandbox counted."""
        before = self._calls()
        self.meltano("run", *pipeline)
        report = self.folder / target
        summary = json.loads((report / "summary.json").read_text())
        changes = [json.loads(line) for line in (report / "changes.jsonl").read_text().splitlines()]
        return Ran(summary, changes, self._calls() - before)

    def _calls(self) -> Counter[tuple[str, str]]:
        """Calls answered so far, by API and kind."""
        count: Counter[tuple[str, str]] = Counter()
        for row in self.sandbox.calls()["calls"]:
            read = row["method"] == "GET" or row["path"] in READS_BY_POST
            count[row["api"], "reads" if read else "writes"] += row["count"]
        return count

    def get(self, api: str, path: str) -> dict[str, Any]:
        """Read what Intercom or ChartMogul shows now."""
        connection = HTTPConnection("127.0.0.1", self.sandbox.port)
        connection.request("GET", f"/{api}/{path}", headers={"Authorization": AUTHORIZATION[api]})
        shown: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return shown


def describe_failed_install(log: str) -> str:
    """Return why the first plugin could not be installed, in the installer's words, from a log of Meltano's in JSON."""
    for line in log.splitlines():
        with suppress(ValueError, AttributeError):
            state = json.loads(line).get("install_state") or {}
            if words := _installer_words(state.get("details") or ""):
                return f"{state['plugin_name']}: {words}"
    return log.strip().rpartition("\n")[2] or "It said nothing."


def _installer_words(details: str) -> str:
    """What an installer said, on one line, without what it always says."""
    lines = [line.strip(_FRAME) for line in details.splitlines() if not line.startswith("Using Python")]
    return " ".join(filter(None, lines))[:1000]


@dataclass(frozen=True)
class Ran:
    """What the target says of a run, what it wrote, and the calls by API and kind."""

    summary: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]]
    calls: Counter[tuple[str, str]]

    def writes(self) -> int:
        """Give the calls that write."""
        return sum(count for (_, kind), count in self.calls.items() if kind == "writes")


def environment(sandbox: RunningSandbox, folder: Path) -> dict[str, str]:
    """The demo's own keys, addresses, state and reports, and nothing of the caller's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return inherited | {
        "MELTANO_ENVIRONMENT": "demo",
        "MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db",
        "MELTANO_CLI_LOG_FORMAT": "plain",
        "MAP_SUBSCRIPTIONS_STORE_DIR": str(folder / "transforms"),
        "MAP_LEADS_STORE_DIR": str(folder / "transforms"),
        "MAP_LEADS_COMPANY_ATTRIBUTES": json.dumps(["account_tier", "seats_used"]),
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": sandbox.chargebee_url,
        "TAP_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TAP_INTERCOM_API_URL": sandbox.intercom_url,
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": sandbox.intercom_url,
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
        "TARGET_INTERCOM_REPORT_DIR": str(folder / "target-intercom"),
        "TARGET_CHARTMOGUL_API_KEY": "sandbox_key",
        "TARGET_CHARTMOGUL_API_URL": sandbox.chartmogul_url,
        # Less than ChartMogul permits: on a busy machine replies bunch up, and a call refused for that is another call.
        "TARGET_CHARTMOGUL_REQUESTS_PER_SECOND": "30",
        "TARGET_CHARTMOGUL_REPORT_DIR": str(folder / "target-chartmogul"),
    }
