"""The Meltano project of the console, which it uses through Meltano's own commands.

https://docs.meltano.com/reference/command-line-interface
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from standpipe_console.errors import ConsoleError
from standpipe_console.project import environments
from standpipe_console.project.command_batch import run_batch
from standpipe_console.project.dotenv_file import DotEnv
from standpipe_console.project.pipelines import PIPELINES
from standpipe_console.project.plugin_facts import PluginFacts, read_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from standpipe_console._kit.json_types import JsonObject, JsonValue
    from standpipe_console.project.pipelines import Pipeline

#: Variables from an outer `meltano invoke`, which the console's own commands must not get.
_OUTER_VARIABLES = ("MELTANO_CLI_LOG_LEVEL", "MELTANO_CLI_LOG_FORMAT", "MELTANO_JOB_TRIGGER", "VIRTUAL_ENV")
#: An error line of a plugin that Meltano did not start.
_PLUGIN_ERROR = re.compile(r"\| (?:ERROR|CRITICAL) +\| \S+ +\| (.*)")
#: libyaml is seven times as fast, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: The number of commands of Meltano and plugins that run in parallel.
_WORKERS = 4
#: What begins the schemas of environments on a database server.
_SCHEMA = "standpipe_env"
LIST_SCHEDULES = ("schedule", "list", "--format=json")
LIST_STATES = ("state", "list")


@dataclass(frozen=True)
class CommandResult:
    """The result of a command."""

    exit_code: int
    output: str
    errors: tuple[str, ...]  #: its logged errors, in order

    @property
    def reason(self) -> str:
        """The reason for its failure: the last logged error."""
        return self.errors[-1] if self.errors else f"exit code {self.exit_code}"


class Project:
    """A folder with a meltano.yml, and the environment of Meltano to use."""

    def __init__(self, root: Path, environment: str | None = None) -> None:
        self.root = root.resolve()
        self._environment = environment
        # An outer Meltano reads `.env`, whatever the environment.
        self._dotenv_at_start = [
            DotEnv(self.root / name).read_values()
            for name in (".env", f".env.{environment}" if environment else ".env")
        ]
        self._settings: dict[str, JsonObject] = {}
        self._facts: dict[str, PluginFacts] = {}
        self._outputs: dict[tuple[str, ...], str] = {}

    @cached_property
    def meltano_yml(self) -> JsonObject:
        """The content of meltano.yml.

        Raises:
            ConsoleError: the file is missing.
        """
        path = self.root / "meltano.yml"
        if not path.exists():
            raise ConsoleError(f"There is no meltano.yml in {self.root}: go to the project's folder, or use --project.")
        content: JsonObject = yaml.load(path.read_text(encoding="utf-8"), _LOADER) or {}  # noqa: S506 both are safe
        return content

    @property
    def environment(self) -> str:
        """The environment of Meltano for its commands."""
        return self._environment or self._default_environment

    @property
    def _default_environment(self) -> str:
        return self.meltano_yml.get("default_environment") or "prod"

    @property
    def is_default(self) -> bool:
        """Whether the environment is the project's default, whose files are where a bare `meltano run` has them."""
        return self.environment == self._default_environment

    @property
    def plugins(self) -> dict[str, JsonObject]:
        """The plugins of meltano.yml by name, each with its `kind`: extractors, loaders, mappers or utilities."""
        kinds = self.meltano_yml.get("plugins") or {}
        return {plugin["name"]: {**plugin, "kind": kind} for kind, plugins in kinds.items() for plugin in plugins}

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipelines whose plugins are in meltano.yml."""
        return [pipeline for pipeline in PIPELINES if set(pipeline.plugins) <= set(self.plugins)]

    @property
    def ready_pipelines(self) -> list[Pipeline]:
        """The pipelines with all their keys."""
        return [one for one in self.pipelines if all(self.get_variable(key.variable) for key in one.keys)]

    # Files and processes.

    @cached_property
    def dotenv(self) -> DotEnv:
        """The file of keys: `.env`, or `.env.NAME` for an environment that has such a file."""
        own = DotEnv(self._own_dotenv_path)
        return own if own.path.exists() and not self.is_default else DotEnv(self.root / ".env")

    @property
    def _own_dotenv_path(self) -> Path:
        return self.root / f".env.{self.environment}"

    def use_own_dotenv(self) -> None:
        """Read and write `.env.NAME` from now on, so that the keys of the default environment stay as they are."""
        if not self.is_default:
            self.dotenv = DotEnv(self._own_dotenv_path)
            self.clear_settings()

    @property
    def shared_dir(self) -> Path:
        """Meltano's folder in the project."""
        return environments.find_shared_dir(Path(os.environ.get("MELTANO_SYS_DIR_ROOT") or self.root / ".meltano"))

    @property
    def system_dir(self) -> Path:
        """Meltano's folder for this environment; the project's own for the default one."""
        return self.shared_dir if self.is_default else environments.find_own_dir(self.shared_dir, self.environment)

    @property
    def other_environments(self) -> list[str]:
        """The other environments that have run here, each with a history and reports of its own."""
        folder = environments.find_own_dir(self.shared_dir, "")
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return [name for name in (self._default_environment, *names) if name != self.environment]

    def list_others_with_keys(self) -> list[Project]:
        """Return the other environments that have keys of their own; none if this one reads those of the default."""
        if not self.is_default and self.dotenv.path.name == ".env":
            return []
        names = [one["name"] for one in self.meltano_yml.get("environments") or []]
        others = [Project(self.root, name) for name in names if name != self.environment]
        return [one for one in others if one.is_default or one.dotenv.path.name != ".env"]

    @property
    def output_dir(self) -> Path:
        """The folder of the targets' reports, unless settings name others."""
        return self.root / "output" if self.is_default else self.root / "output" / self.environment

    @property
    def log_dir(self) -> Path:
        """The folder of the logs of runs."""
        return self.root / "logs" if self.is_default else self.root / "logs" / self.environment

    @cached_property
    def environment_variables(self) -> dict[str, str]:
        """The variables that keep this environment apart from others; none for the default one.

        Raises:
            ConsoleError: meltano.yml has no such environment.
        """
        if self.is_default:
            return {}
        names = [one["name"] for one in self.meltano_yml.get("environments") or []]
        if self.environment not in names:
            raise ConsoleError(
                f"meltano.yml has no environment `{self.environment}`: it has {', '.join(names) or 'none'}."
            )
        environments.make_own_dir(self.shared_dir, self.system_dir)
        folders = environments.build_folder_variables(self.meltano_yml, self.environment, self.output_dir)
        chosen = {name: value for name, value in folders.items() if not self.get_variable(name)}
        return {"MELTANO_SYS_DIR_ROOT": str(self.system_dir), **chosen}

    def find_venv(self, plugin: str) -> Path:
        """Return the folder of a plugin's own Python environment, which need not exist."""
        kind: str = self.plugins[plugin]["kind"]
        return self.system_dir / kind / plugin / "venv"

    def find_executable(self, plugin: str) -> Path:
        """Return the executable of a plugin.

        Raises:
            ConsoleError: the plugin is not installed.
        """
        path = self.find_venv(plugin) / "bin" / plugin
        if not path.exists():
            raise ConsoleError(f"{plugin} is not installed: run `meltano install`.")
        return path

    def protect_files(self) -> None:
        """Let only the owner read the files with keys: `.env`, and Meltano's folder, where a run writes them."""
        self.dotenv.make_private()
        self.shared_dir.chmod(0o700)

    @property
    def is_protected(self) -> bool:
        """Whether only the owner can read the files with keys."""
        return self.dotenv.is_private and not (self.shared_dir.exists() and self.shared_dir.stat().st_mode & 0o077)

    def find_running(self) -> list[int]:
        """Return Meltano's processes that now run a pipeline of this project in this environment."""
        runs = _find_runs(self.root)
        return [pid for pid, environment in runs if (environment or self._default_environment) == self.environment]

    def find_leftovers(self) -> list[Path]:
        """Return the files with settings in clear text that a killed run left."""
        # During a run, these files may belong to it. A bare run of any environment has them in the shared folder.
        return [] if _find_runs(self.root) else sorted((self.system_dir / "run").glob("*/*.config.json"))

    # Variables.

    def get_variable(self, name: str) -> str | None:
        """Return a variable as Meltano sees it: the shell's value, or else that of `.env`."""
        return self.shell_env.get(name) or self.dotenv.read_values().get(name)

    @property
    def shell_env(self) -> dict[str, str]:
        """The variables that the shell itself has set.

        An outer Meltano copies `.env` into the environment of its utilities. These copies are left out, because setup
        and unlink change `.env` while they run.
        """
        return {
            name: value
            for name, value in os.environ.items()
            if name not in _OUTER_VARIABLES and all(values.get(name) != value for values in self._dotenv_at_start)
        }

    def get_database_url(self, variable: str) -> str | None:
        """Return the address of a database in a variable. Environments that share the variable share no table."""
        url = self.get_variable(variable)
        return url if url is None or self.is_default else environments.separate_file(url, self.environment)

    @property
    def database_schema(self) -> str:
        """The schema of this environment on a server that it may share with others; empty for the default one."""
        return "" if self.is_default else f"{_SCHEMA}_{self.environment}"

    # Meltano's commands.

    @property
    def meltano_executable(self) -> Path:
        """The path of Meltano. Its last run here left a link to it.

        Raises:
            ConsoleError: Meltano is not installed.
        """
        for found in (self.system_dir / "run/bin", self.shared_dir / "run/bin", shutil.which("meltano")):
            if found and Path(found).exists():
                return Path(found).resolve() if Path(found).is_symlink() else Path(found)
        raise ConsoleError("Meltano is not installed here: install it with `pip install 'meltano~=4.4'`.")

    def try_meltano(self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None) -> CommandResult:
        """Run a command of Meltano and return its result."""
        ended = subprocess.run(  # noqa: S603
            [str(self.meltano_executable), *self._complete_command(args)],
            cwd=self.root,
            env=self._meltano_env | dict(env or {}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return CommandResult(ended.returncode, ended.stdout, tuple(parse_errors(ended.stderr)))

    def _complete_command(self, args: Sequence[str]) -> list[str]:
        # A command with its own option for the environment begins with that option.
        environment = () if args[0].startswith("--") else self.environment_options
        return ["--log-level=error", "--log-format=json", *environment, *args]

    @property
    def environment_options(self) -> tuple[str, ...]:
        """The options by which Meltano takes the environment and its file of keys."""
        name = self.dotenv.path.name
        file = () if name == ".env" else (f"--env-file={name}",)
        return (f"--environment={self.environment}", *file)

    @property
    def command_env(self) -> dict[str, str]:
        """The variables for commands of Meltano and of plugins."""
        return self.shell_env | self.environment_variables

    @property
    def _meltano_env(self) -> dict[str, str]:
        return self.command_env | {"NO_COLOR": "1", "MELTANO_CLI_DISABLE_VERSION_CHECK": "1"}

    def run_ahead(self, commands: Iterable[tuple[str, ...]]) -> None:
        """Run several commands of Meltano that only read, in one process, and keep their outputs for later calls.

        Meltano takes a second to start, and hardly longer for one more command.
        """
        wanted = [command for command in commands if command not in self._outputs]
        if len(wanted) < 2:  # noqa: PLR2004  # one command gains nothing
            return
        completed = [self._complete_command(command) for command in wanted]
        # The command that then runs alone reports failures, such as a missing Meltano.
        with suppress(ConsoleError):
            outputs = run_batch(self.meltano_executable, completed, self.root, self._meltano_env)
            self._outputs |= dict(zip(wanted, outputs or (), strict=False))

    def run_meltano(self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run a command of Meltano and return its output.

        Raises:
            ConsoleError: it failed.
        """
        if args in self._outputs and not stdin and not env:
            return self._outputs.pop(args)
        result = self.try_meltano(*args, stdin=stdin, env=env)
        if result.exit_code:
            raise ConsoleError(f"`meltano {' '.join(args[:2])}` failed: {result.reason}")
        return result.output

    def read_json(self, *args: str) -> JsonValue:
        """Return the JSON output of a Meltano command; None if there is none."""
        output = self.run_meltano(*args)
        # Meltano may print a notice before the JSON.
        start = min((at for at in (output.find("{"), output.find("[")) if at >= 0), default=-1)
        return json.loads(output[start:]) if start >= 0 else None

    def run_plugin(self, plugin: str, *args: str, stdin: str = "") -> str:
        """Run a plugin's own command with the settings that Meltano would pass, and return its output.

        Unlike `meltano invoke`, it does not start Meltano again.

        Raises:
            ConsoleError: the plugin refuses, with its own message.
        """
        with self.write_config(plugin) as config:
            ended = subprocess.run(  # noqa: S603
                [str(self.find_executable(plugin)), f"--config={config}", *args],
                cwd=self.root,
                env=self.command_env,
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
            )
        if ended.returncode:
            raise ConsoleError(describe_failure(plugin, args[0], ended.returncode, ended.stderr))
        return ended.stdout

    @contextmanager
    def write_config(self, plugin: str) -> Iterator[Path]:
        """Write a plugin's settings to a file for a command of the plugin. Only its owner may read it."""
        with tempfile.TemporaryDirectory(prefix="standpipe-") as folder:
            config = Path(folder) / "config.json"
            config.touch(mode=0o600)
            config.write_text(json.dumps(self.get_settings(plugin)), encoding="utf-8")
            yield config

    @cached_property
    def job_schedules(self) -> list[JsonObject]:
        """The schedules of jobs, as Meltano lists them."""
        answer = self.read_json(*LIST_SCHEDULES) or {}
        schedules: list[JsonObject] = answer.get("schedules", {}).get("job", [])
        return schedules

    def list_state_ids(self) -> list[str]:
        """Return the ids of all states in Meltano, in every environment."""
        return [name for name in self.run_meltano(*LIST_STATES).split() if ":" in name]

    # Settings, and what plugins say about themselves.

    def load_settings(self, plugins: Iterable[str]) -> None:
        """Read the settings of several plugins from Meltano at once."""
        missing = [plugin for plugin in plugins if plugin not in self._settings]
        self.run_ahead(build_settings_command(plugin) for plugin in missing)
        with ThreadPoolExecutor(_WORKERS) as executor:
            for plugin, settings in zip(missing, executor.map(self._read_settings, missing), strict=True):
                self.set_settings(plugin, settings)

    def get_settings(self, plugin: str) -> JsonObject:
        """Return the settings of a plugin that have a value, including keys, as Meltano passes them."""
        self.load_settings([plugin])
        return self._settings[plugin]

    def set_settings(self, plugin: str, settings: Mapping[str, JsonValue]) -> None:
        """Store the settings of a plugin."""
        self._settings[plugin] = dict(settings)

    def set_setting(self, plugin: str, name: str, value: JsonValue) -> None:
        """Store a setting that was just written."""
        self.get_settings(plugin)[name] = value

    def clear_settings(self) -> None:
        """Forget all settings, so that they are read from Meltano again."""
        self._settings.clear()
        self._outputs.clear()

    def refresh(self) -> None:
        """Forget everything read from meltano.yml, settings and plugins, so that changes are seen."""
        self.clear_settings()
        self._facts.clear()
        for name in ("meltano_yml", "job_schedules"):
            self.__dict__.pop(name, None)

    def load_facts(self, plugins: Iterable[str]) -> None:
        """Read the facts of several plugins at once."""
        missing = [plugin for plugin in plugins if plugin not in self._facts]
        with ThreadPoolExecutor(_WORKERS) as executor:
            for plugin, facts in zip(missing, executor.map(self._read_facts, missing), strict=True):
                self.set_facts(plugin, facts)

    def get_facts(self, plugin: str) -> PluginFacts:
        """Return the facts of a plugin."""
        self.load_facts([plugin])
        return self._facts[plugin]

    def set_facts(self, plugin: str, facts: PluginFacts) -> None:
        """Store the facts of a plugin."""
        self._facts[plugin] = facts

    def get_effective_settings(self, plugin: str) -> JsonObject:
        """Return the settings of a plugin, completed with its defaults."""
        present = {name: value for name, value in self.get_settings(plugin).items() if value is not None}
        return self.get_facts(plugin).defaults | present

    def _read_settings(self, plugin: str) -> JsonObject:
        return self.read_json(*build_settings_command(plugin)) or {}

    def _read_facts(self, plugin: str) -> PluginFacts:
        return read_facts(plugin, self.find_executable(plugin))


def build_settings_command(plugin: str) -> tuple[str, ...]:
    """Return Meltano's command that prints the settings of a plugin."""
    return ("config", "--unsafe", "print", "--format=json", plugin)


def _find_runs(root: Path) -> list[tuple[int, str]]:
    """Return Meltano's processes that run a pipeline of this project, each with its environment if it names one."""
    found = []
    for process in psutil.process_iter():
        # The process may have ended meanwhile, or belong to another user.
        with suppress(psutil.Error, OSError):
            words = process.cmdline()
            is_run = any(Path(word).name == "meltano" for word in words[:2]) and {"run", "schedule"} & set(words)
            if is_run and Path(process.cwd()) == root:
                found.append(
                    (process.pid, _parse_environment(words) or process.environ().get("MELTANO_ENVIRONMENT", ""))
                )
    return found


def _parse_environment(words: Sequence[str]) -> str:
    """Return the environment among the words of a command of Meltano; empty if there is none."""
    for word, after in itertools.pairwise([*words, ""]):
        if word == "--environment":
            return after
        if word.startswith("--environment="):
            return word.removeprefix("--environment=")
    return ""


def describe_failure(plugin: str, command: str, exit_code: int, log: str) -> str:
    """Return why a command of a plugin failed: its own last error, or else the first line of its log."""
    if reasons := _PLUGIN_ERROR.findall(log):
        return str(reasons[-1])
    first = [*parse_errors(log), f"exit code {exit_code}"][0]
    return f"`{plugin} {command}` failed: {first}"


def parse_errors(log: str) -> Iterator[str]:
    """Yield the errors of a log with one JSON object per line. Other lines come from programs that do not log."""
    for line in filter(None, map(str.strip, log.splitlines())):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.startswith("Error: ") or not line.startswith(("Usage", "Try ", "{", "Need help", "http")):
                yield line.removeprefix("Error: ")
        else:
            if isinstance(entry, dict) and str(entry.get("level", "error")) in {"error", "critical"}:
                yield str(entry.get("event", ""))
