"""After twelve months of runs, many of them killed, the history equals what Intercom accepted."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from standpipe_console.history import History
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.intercom.contacts import Contact
    from sandbox.testing import RunningSandbox

COMMANDS = Path(sys.executable).parent
CUSTOMERS = 30
MONTHS = 12
#: Runs per month. A killed run leaves its work to the next one.
PER_MONTH = 2
SHARE_KILLED = 0.6
#: The fields beside attributes that the target writes.
NAMES = {"email", "name", "role", "phone", "external_id"}
# The target is killed before or after the nth call of a function.
KILL = """
import os, signal
from pkgutil import resolve_name

owner, calls = resolve_name({place!r}), iter(range(1, 1_000_000))
function = getattr(owner, {name!r})

def call(*arguments, **options):
    is_it = next(calls) == {nth}
    if is_it and {when!r} == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = function(*arguments, **options)
    if is_it:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

setattr(owner, {name!r}, call)
"""
JOURNAL = "target_intercom._kit.journal:JournalWriter"
#: The steps of a run around which it may be killed, and the most times that each happens in a small world.
STEPS = (
    (JOURNAL, "append", 60),  # a line: the first one, an intent, an outcome, the last one
    ("requests:Session", "request", 60),  # a request of Intercom
    ("target_intercom.target:TargetIntercom", "_write_state_message", 1),
)
Field = tuple[Any, Any]


@dataclass
class Pipeline:
    """tap-chargebee, map-subscriptions and target-intercom, which continue from the last STATE."""

    sandbox: RunningSandbox
    folder: Path

    def run(self, run_id: str, kill: str) -> int:
        """Run all three; return how the target ended."""
        state = self.folder / "state.json"
        config = {"site": "sandbox", "api_key": "sandbox_key", "api_url": self.sandbox.chargebee_url}
        options = ["--state", str(state)] if state.exists() else []
        _, text = self._call("tap-chargebee", config, "", *options)
        _, text = self._call("map-subscriptions", {"store_dir": str(self.folder / "stores")}, text)
        config = {
            "access_token": "sandbox_token",
            "api_url": self.sandbox.intercom_url,
            "report_dir": str(self.folder / "reports"),
            "journal_dir": str(self.folder / "standpipe/journal/target-intercom"),
            "on_no_match": "create",
            "on_moved": "clear",
        }
        code, text = self._call("target-intercom", config, text, run_id=run_id, before=kill)
        if text:
            state.write_text(text.splitlines()[-1])
        return code

    def _call(
        self, command: str, config: dict[str, Any], text: str, *options: str, run_id: str = "", before: str = ""
    ) -> tuple[int, str]:
        path = self.folder / f"{command}.json"
        path.write_text(json.dumps(config))
        line = [str(COMMANDS / command), "--config", str(path), *options]
        done = run_command(line, text=text, env=os.environ | {"STANDPIPE_RUN_ID": run_id}, before=before)
        assert done.returncode == (-9 if before and done.returncode else 0), done.stderr
        return done.returncode, done.stdout


def choose_moment(random: Random) -> str:
    """Return the code that kills a run at some moment; empty for a run that is not killed."""
    place, name, most = random.choice(STEPS)
    code = KILL.format(place=place, name=name, nth=random.randint(1, most), when=random.choice(["before", "after"]))
    return code if random.random() < SHARE_KILLED else ""


def list_taken(contact: Contact) -> dict[str, list[Field]]:
    """Return what Intercom accepted through its API: for each field the values before and after, in order."""
    taken: dict[str, list[Field]] = defaultdict(list)
    if ("API", "(created)") in {(one.source, one.field) for one in contact.history}:
        born = read_fields(contact.document)
        for change in reversed(contact.history):
            born[change.field] = change.before
        for name, value in born.items():
            if value is not None and (name in NAMES or name.startswith("custom_attributes.")):
                taken[name].append((None, value))
    for change in contact.history:
        if change.source == "API" and change.field != "(created)":
            taken[change.field].append((change.before, change.after))
    return dict(taken)


def read_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a contact by the names that a journal has for its fields."""
    custom = {f"custom_attributes.{name}": value for name, value in document["custom_attributes"].items()}
    return {**document, **custom}


def list_claimed(history: History) -> dict[str, dict[str, list[Field]]]:
    """Return what the history claims: for each contact and field the values before and after, in their order."""
    claimed: dict[str, dict[str, list[Field]]] = defaultdict(lambda: defaultdict(list))
    for run in reversed(history.list_runs()):
        for change in history.list_changes(run.run_id):
            if change.stream == "contacts":
                # After a run that was killed before it knew the id of a created record, the next run knows the id.
                key = change.remote_id or history.find_customer(change.record_id)[0].remote_id
                for name, field in change.fields.items():
                    claimed[key][name].append((field.before, field.after))
    return {key: dict(fields) for key, fields in claimed.items()}


def test_the_history_of_a_year_is_what_intercom_took(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """The history has every run and every write once, and no write that Intercom did not accept."""
    sandbox.reset(customers=CUSTOMERS, seed=11)
    pipeline = Pipeline(sandbox, tmp_path)
    random = Random(12)  # noqa: S311 - the moments are the same in every run
    ended: dict[str, str] = {}
    with History(f"sqlite:///{tmp_path}/history.db", tmp_path / "standpipe") as history:
        for number in range(MONTHS * PER_MONTH + 1):
            if number % PER_MONTH == 0:
                sandbox.advance(days=30)
            # The last run is not killed, and settles what the one before it left open.
            kill = choose_moment(random) if number < MONTHS * PER_MONTH else ""
            code = pipeline.run(f"run-{number:02}", kill)
            ended[f"run-{number:02}"] = "killed" if code else "completed"
            history.load_journals()
        assert {run.run_id: run.status for run in history.list_runs()} == ended
        assert Counter(ended.values())["killed"] > MONTHS // 2

        rows = [row for run in ended for row in history.list_records(run, limit=1000).rows]
        assert [row for row in rows if row.kind == "unknown"] == []
        found = Counter(row.reason for row in rows if row.reason.startswith("a later run"))
        assert len(found) == 2

        claimed, contacts = list_claimed(history), sandbox.world.intercom.contacts
        written = {*claimed, *(one.id for one in contacts.live() if list_taken(one))}
        taken = {key: list_taken(contacts.get_any(key)) for key in written}
        fields = {(key, name) for found in (claimed, taken) for key, one in found.items() for name in one}
        both = {(key, name): (claimed.get(key, {}).get(name), taken[key].get(name)) for key, name in fields}
        assert {place: two for place, two in both.items() if two[0] != two[1]} == {}
