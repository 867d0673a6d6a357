"""The Meltano project that the console works on, through Meltano's own commands.

https://docs.meltano.com/reference/command-line-interface
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from standpipe_console.errors import ConsoleError
from standpipe_console.project.dotenv_file import DotEnv
from standpipe_console.project.pipelines import PIPELINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from standpipe_console.project.pipelines import Pipeline

#: Set by an outer `meltano invoke`, and not meant for the commands that are run from here.
_OUTER = ("MELTANO_CLI_LOG_LEVEL", "MELTANO_CLI_LOG_FORMAT", "MELTANO_JOB_TRIGGER", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Ran:
    """A command of Meltano's that has ended."""

    code: int
    output: str
    errors: tuple[str, ...]  #: what it logged as errors, in order

    @property
    def reason(self) -> str:
        """The last error that it told."""
        return self.errors[-1] if self.errors else f"exit code {self.code}"


class Project:
    """A folder with a meltano.yml, and the environment of Meltano's to use."""

    def __init__(self, root: Path, environment: str | None = None) -> None:
        self.root = root.resolve()
        self.dotenv = DotEnv(self.root / ".env")
        self._environment = environment
        self._copied = self.dotenv.values()
        self._settings: dict[str, dict[str, Any]] = {}

    @cached_property
    def file(self) -> dict[str, Any]:
        """The content of meltano.yml.

        Raises:
            ConsoleError: there is none.
        """
        path = self.root / "meltano.yml"
        if not path.exists():
            raise ConsoleError(f"There is no meltano.yml in {self.root}: go to the project's folder, or use --project.")
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return content

    @property
    def environment(self) -> str:
        """The environment of Meltano's that the commands run in."""
        return self._environment or self.file.get("default_environment") or "prod"

    @property
    def plugins(self) -> dict[str, dict[str, Any]]:
        """The plugins of meltano.yml by name, each with its `kind`: extractors, loaders, mappers, utilities."""
        kinds = self.file.get("plugins") or {}
        return {plugin["name"]: {**plugin, "kind": kind} for kind, plugins in kinds.items() for plugin in plugins}

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipelines that meltano.yml has."""
        return [one for one in PIPELINES if set(one.plugins) <= set(self.plugins)]

    def is_linked(self, pipeline: Pipeline) -> bool:
        """Whether every key of a pipeline is there."""
        return all(self.value(key.variable) for key in pipeline.keys)

    @property
    def linked(self) -> list[Pipeline]:
        """The pipelines that are set up."""
        return [one for one in self.pipelines if self.is_linked(one)]

    def value(self, name: str) -> str | None:
        """A variable as Meltano would see it: the shell's, else that of `.env`."""
        return self.env.get(name) or self.dotenv.values().get(name)

    @property
    def env(self) -> dict[str, str]:
        """The shell's variables, without those that an outer Meltano has copied out of `.env`, which may change."""
        return {
            name: value for name, value in os.environ.items() if self._copied.get(name) != value and name not in _OUTER
        }

    @property
    def system_dir(self) -> Path:
        """Meltano's folder in the project."""
        return Path(os.environ.get("MELTANO_SYS_DIR_ROOT") or self.root / ".meltano")

    @property
    def executable(self) -> Path:
        """Meltano itself: the one that last ran here leaves a link to itself.

        Raises:
            ConsoleError: there is none.
        """
        for found in (self.system_dir / "run/bin", shutil.which("meltano")):
            if found and Path(found).exists():
                return Path(found).resolve() if Path(found).is_symlink() else Path(found)
        raise ConsoleError("Meltano is not to be found: install it with `pip install 'meltano~=4.4'`.")

    def try_meltano(self, *args: str, given: str | None = None, env: Mapping[str, str] | None = None) -> Ran:
        """Run a command of Meltano's to its end, whatever that is; one that begins with an option, as it is."""
        where = () if args[0].startswith("--") else (f"--environment={self.environment}",)
        done = subprocess.run(  # noqa: S603
            [str(self.executable), "--log-level=error", "--log-format=json", *where, *args],
            cwd=self.root,
            env=self.env | {"NO_COLOR": "1", "MELTANO_CLI_DISABLE_VERSION_CHECK": "1"} | dict(env or {}),
            input=given if given is not None else "",
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, tuple(errors_in(done.stderr)))

    def meltano(self, *args: str, given: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a command of Meltano's, and give what it prints.

        Raises:
            ConsoleError: it failed.
        """
        ran = self.try_meltano(*args, given=given, env=env)
        if ran.code:
            raise ConsoleError(f"`meltano {' '.join(args[:2])}` failed: {ran.reason}")
        return ran.output

    def json(self, *args: str) -> Any:
        """What a command of Meltano's prints as JSON; None when it prints none."""
        output = self.meltano(*args)
        start = min((at for at in (output.find("{"), output.find("[")) if at >= 0), default=-1)
        return json.loads(output[start:]) if start >= 0 else None

    @cached_property
    def schedules(self) -> list[dict[str, Any]]:
        """The schedules of jobs, as Meltano lists them."""
        listed = self.json("schedule", "list", "--format=json") or {}
        found: list[dict[str, Any]] = listed.get("schedules", {}).get("job", [])
        return found

    def state_ids(self) -> list[str]:
        """What Meltano calls its states, of all environments."""
        return [name for name in self.meltano("state", "list").split() if ":" in name]

    def learn(self, plugins: Iterable[str]) -> None:
        """Ask Meltano for the settings of several plugins side by side."""
        missing = [plugin for plugin in plugins if plugin not in self._settings]
        with ThreadPoolExecutor(4) as executor:
            for plugin, settings in zip(missing, executor.map(self._asked, missing), strict=True):
                self.given(plugin, settings)

    def settings(self, plugin: str) -> dict[str, Any]:
        """The settings of a plugin that have a value, secrets included, as Meltano would pass them."""
        self.learn([plugin])
        return self._settings[plugin]

    def given(self, plugin: str, settings: Mapping[str, Any]) -> None:
        """Take the settings of a plugin as known."""
        self._settings[plugin] = dict(settings)

    def note(self, plugin: str, name: str, value: Any) -> None:
        """Remember a setting that was just written."""
        self.settings(plugin)[name] = value

    def forget_settings(self) -> None:
        """Ask again next time."""
        self._settings.clear()

    def _asked(self, plugin: str) -> dict[str, Any]:
        return self.json("config", "--unsafe", "print", "--format=json", plugin) or {}

    def close(self) -> None:
        """Shut the files that hold keys to everybody else: `.env`, and the folder where Meltano puts them for a run."""
        self.dotenv.make_private()
        self.system_dir.chmod(0o700)

    @property
    def is_closed(self) -> bool:
        """Whether they are shut."""
        return self.dotenv.is_private and not (self.system_dir.exists() and self.system_dir.stat().st_mode & 0o077)

    def running(self) -> list[int]:
        """The processes of Meltano that run a pipeline of this project now."""
        return [process.pid for process in psutil.process_iter() if _runs(process, self.root)]


def _runs(process: psutil.Process, root: Path) -> bool:
    try:
        words = process.cmdline()
        here = any(Path(word).name == "meltano" for word in words[:2]) and {"run", "schedule"} & set(words)
        return bool(here) and Path(process.cwd()) == root
    except (psutil.Error, OSError):
        return False


def errors_in(log: str) -> Iterable[str]:
    """The errors of a log, a JSON object a line; other lines are a program's own last words."""
    for line in filter(None, map(str.strip, log.splitlines())):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.startswith("Error: ") or not line.startswith(("Usage", "Try ", "{", "Need help", "http")):
                yield line.removeprefix("Error: ")
        else:
            if isinstance(entry, dict) and str(entry.get("level", "error")) in {"error", "critical"}:
                yield str(entry.get("event", ""))
