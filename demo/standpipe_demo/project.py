"""The demo's Meltano project: its environment, its commands, and the calls that they cost."""

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
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from sandbox.testing import RunningSandbox

#: JSON from Meltano, a target's report or the sandbox.
JsonObject: TypeAlias = dict[str, Any]
#: Variables of the caller that the demo removes, so that it never gets a real key.
_REMOVED_PREFIXES = ("TAP_", "TARGET_", "MAP_", "MELTANO")
_FRAME = " \u2570\u2500\u25b6\u2502\u00d7"  #: the frame that uv draws around its messages
#: POST calls that only read.
_READS_BY_POST = frozenset({"/contacts/search", "/companies/list"})
#: The Authorization header by the sandbox's path of an API.
_AUTHORIZATION = {"intercom": "Bearer sandbox_token", "chartmogul/v1": "Basic c2FuZGJveF9rZXk6"}


@dataclass(frozen=True)
class PipelineRun:
    """One run: the target's summary, what it wrote, and the calls by API and kind."""

    summary: JsonObject
    changes: Sequence[JsonObject]
    calls: Counter[tuple[str, str]]

    def count_writes(self) -> int:
        """Count the calls that write."""
        return sum(count for (_, kind), count in self.calls.items() if kind == "writes")


@dataclass
class Demo:
    """A sandbox, a Meltano project, and where to print."""

    sandbox: RunningSandbox
    env: dict[str, str]
    folder: Path
    out: Console

    def run_meltano(self, *args: str) -> None:
        """Run a Meltano command; show its log only when it fails.

        Raises:
            SystemExit: the command failed.
        """
        ended = self._start_meltano(*args, env=self.env)
        if ended.returncode:
            sys.stderr.write(ended.stdout + ended.stderr)
            raise SystemExit(f"`meltano {' '.join(args)}` failed; see its log above.")

    def install_plugins(self) -> None:
        """Install the plugins.

        Raises:
            SystemExit: the installation failed; the text says why.
        """
        # Only the JSON log contains the installer's own message.
        ended = self._start_meltano("install", env=self.env | {"MELTANO_CLI_LOG_FORMAT": "json"})
        if ended.returncode:
            raise SystemExit(f"`meltano install` failed. {describe_failed_install(ended.stdout + ended.stderr)}")

    def run_pipeline(self, pipeline: Sequence[str], target: str) -> PipelineRun:
        """Run a pipeline; return its target's report, and the calls that the sandbox counted."""
        before = self._count_calls()
        self.run_meltano("run", *pipeline)
        report = self.folder / target
        summary = json.loads((report / "summary.json").read_text())
        changes = [json.loads(line) for line in (report / "changes.jsonl").read_text().splitlines()]
        return PipelineRun(summary, changes, self._count_calls() - before)

    def fetch_record(self, api: str, path: str) -> JsonObject:
        """Return a record as Intercom or ChartMogul shows it now."""
        connection = HTTPConnection("127.0.0.1", self.sandbox.port)
        connection.request("GET", f"/{api}/{path}", headers={"Authorization": _AUTHORIZATION[api]})
        record: JsonObject = json.loads(connection.getresponse().read())
        connection.close()
        return record

    def _start_meltano(self, *args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        # Meltano reads no .env here, as the demo must not get anybody's keys.
        command = [str(Path(sys.executable).with_name("meltano")), f"--env-file={os.devnull}", *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603

    def _count_calls(self) -> Counter[tuple[str, str]]:
        """Count the calls so far by API and kind."""
        count: Counter[tuple[str, str]] = Counter()
        for row in self.sandbox.calls()["calls"]:
            is_read = row["method"] == "GET" or row["path"] in _READS_BY_POST
            count[row["api"], "reads" if is_read else "writes"] += row["count"]
        return count


def describe_failed_install(log: str) -> str:
    """Return why the first plugin could not be installed, in the installer's words, from Meltano's JSON log."""
    for line in log.splitlines():
        with suppress(ValueError, AttributeError):
            state = json.loads(line).get("install_state") or {}
            details = (state.get("details") or "").splitlines()
            words = [one.strip(_FRAME) for one in details if not one.startswith("Using Python")]
            if text := " ".join(filter(None, words))[:1000]:
                return f"{state['plugin_name']}: {text}"
    return log.strip().rpartition("\n")[2] or "It said nothing."


def build_environment(sandbox: RunningSandbox, folder: Path) -> dict[str, str]:
    """Return the caller's environment with the demo's own keys, addresses, state and reports."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED_PREFIXES)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env | {
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
        # Less than ChartMogul permits: on a busy machine, calls could exceed the limit and would be repeated.
        "TARGET_CHARTMOGUL_REQUESTS_PER_SECOND": "30",
        "TARGET_CHARTMOGUL_REPORT_DIR": str(folder / "target-chartmogul"),
    }
