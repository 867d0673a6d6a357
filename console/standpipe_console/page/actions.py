"""Runs the console's own commands for the page, each in a process of its own.

A run goes through the same locks as the schedule's, because it is the same command. It continues when the page is
stopped.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from standpipe_console.project.meltano import Project

#: The number of ended actions that are kept.
_KEPT = 50
#: The page shows only the end of a command's output.
_SHOWN_CHARACTERS = 20_000


@dataclass
class Action:
    """A command that was started from the page."""

    id: str
    title: str
    job: str  #: the job that it runs; empty for none
    args: tuple[str, ...]
    started_at: float
    output: Path
    ended_at: float | None = None
    code: int | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def is_running(self) -> bool:
        """Whether it is still under way."""
        return self.code is None

    def read_output(self) -> str:
        """Return what it has printed."""
        try:
            return self.output.read_text(encoding="utf-8", errors="replace")[-_SHOWN_CHARACTERS:]
        except FileNotFoundError:
            return ""


class ActionRunner:
    """Starts commands of the console, and remembers how they ended.

    Args:
        project: the project.
        clock: unix seconds.
    """

    def __init__(self, project: Project, clock: Callable[[], float] = time.time) -> None:
        self._project = project
        self._clock = clock
        self._actions: dict[str, Action] = {}
        self._lock = threading.Lock()

    def start(self, title: str, args: Sequence[str], *, job: str = "", program: str = "standpipe") -> Action:
        """Start a command of the console or of Meltano. If the same command is still running, return that one.

        Raises:
            ConsoleError: it cannot be started.
        """
        with self._lock:
            for action in self._actions.values():
                if action.is_running and action.args == tuple(args):
                    return action
            action = self._start(title, tuple(args), job, program)
            self._actions[action.id] = action
            for old in [one for one in self._actions.values() if not one.is_running][:-_KEPT]:
                del self._actions[old.id]
                old.output.unlink(missing_ok=True)
        return action

    def get(self, action_id: str) -> Action | None:
        """Return an action that this page has started."""
        return self._actions.get(action_id)

    def list_recent(self) -> list[Action]:
        """Return the actions, the latest first."""
        return sorted(self._actions.values(), key=lambda action: -action.started_at)

    def _start(self, title: str, args: tuple[str, ...], job: str, program: str) -> Action:
        folder = self._project.system_dir / "standpipe" / "page"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        action = Action(uuid.uuid4().hex, title, job, args, self._clock(), folder / f"{uuid.uuid4().hex}.txt")
        action.output.touch(mode=0o600)
        command = [*self._find_program(program), *args]
        try:
            with action.output.open("wb") as output:
                process = subprocess.Popen(  # noqa: S603
                    command,
                    cwd=self._project.root,
                    env=self._project.command_env | {"NO_COLOR": "1", "STANDPIPE_TRIGGER": "page"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # it goes on when the page is stopped
                )
        except OSError as error:
            raise ConsoleError(f"{title} could not be started: {error.strerror}.") from error
        threading.Thread(target=self._wait, args=(action, process), daemon=True).start()
        return action

    def _find_program(self, program: str) -> list[str]:
        """Return a program with the options that name the project."""
        if program == "meltano":
            return [str(self._project.meltano_executable), *self._project.environment_options]
        options = ["--project", str(self._project.root), "--environment", self._project.environment]
        return [str(Path(sys.executable).with_name("standpipe")), *options]

    def _wait(self, action: Action, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        action.ended_at = self._clock()
        action.code = code
        action.ended.set()
