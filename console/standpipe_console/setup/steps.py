"""`setup`: from an empty project to a pipeline that can be validated. Another setup starts from the present settings.

The console itself writes into `.env`, as `meltano config set --store=dotenv` does: everybody on the machine could read
a key in the arguments of another program, and a program per setting takes a second each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from standpipe_console.api.client import validate_site, validate_url
from standpipe_console.api.vendors import connect_without_key, find_region
from standpipe_console.checks.access import WHERE_TO_MAKE, check_key, describe_account
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import build_variable
from standpipe_console.setup.choices import ChoiceLoader
from standpipe_console.setup.questions import QUESTIONS, Answers, build_settings, find_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console._kit.json_types import JsonObject, JsonValue
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Key, Pipeline
    from standpipe_console.setup.prompts import Prompts
    from standpipe_console.setup.questions import Answer, Question, Setting

_SITE_QUESTION = "Chargebee site (the first word of your address, acme in acme.chargebee.com):"


@dataclass(frozen=True)
class SandboxAccount:
    """An account of the sandbox. Its key is public and opens nothing else."""

    path: str
    key: str
    settings: Mapping[str, str] = field(default_factory=dict)


SANDBOX_ACCOUNTS = {
    "chargebee": SandboxAccount("/chargebee/api/v2", "sandbox_key", {"site": "sandbox"}),
    "intercom": SandboxAccount("/intercom", "sandbox_token"),
    "chartmogul": SandboxAccount("/chartmogul/v1", "sandbox_key"),
}


@dataclass
class Outcome:
    """The progress of a setup, which may be stopped at any time."""

    written: list[str] = field(default_factory=list)  #: settings with their values; keys by name only
    summary: list[tuple[str, str]] = field(default_factory=list)  #: questions and answers

    @property
    def stop_message(self) -> str:
        """One sentence about the settings that a stopped setup has written."""
        if not self.written:
            return "Stopped: nothing was written."
        return f"Stopped. These settings stay in .env: {', '.join(self.written)}. The next setup begins with them."


@dataclass(frozen=True)
class Accounts:
    """The addresses that replace the vendors' own, by API, and whether they belong to a sandbox."""

    addresses: Mapping[str, str]
    sandbox: bool = False


def find_sandbox(url: str) -> Accounts:
    """Return the three accounts of a sandbox.

    Raises:
        ConsoleError: no sandbox answers at this address.
    """
    base = validate_url(url).rstrip("/")
    absent = f"No sandbox answers at {base}: start one with `make sandbox`, and use the address that it prints."
    try:
        response = connect_without_key("The sandbox", base).get("/sandbox/calls")
    except ConsoleError:
        raise ConsoleError(absent) from None
    if not response.ok or "calls" not in response.body:
        raise ConsoleError(absent)
    return Accounts({api: base + account.path for api, account in SANDBOX_ACCOUNTS.items()}, sandbox=True)


def set_up(project: Project, pipeline: Pipeline, prompts: Prompts, accounts: Accounts, outcome: Outcome) -> None:
    """Ask, check and write.

    Args:
        project: the project.
        pipeline: the pipeline to set up.
        prompts: the source of the answers.
        accounts: the addresses of the accounts.
        outcome: receives what was written and chosen, step by step.

    Raises:
        ConsoleError: an answer is wrong, and the question cannot be repeated.
    """
    project.load_settings(pipeline.plugins)
    if accounts.sandbox:
        _refuse_real_keys(project, pipeline)
    elif url := _find_sandbox_in_use(project, pipeline):
        prompts.show_message(
            f"This pipeline is set up for a sandbox ({url}). For real accounts, remove that first: "
            f"meltano invoke standpipe:unlink {pipeline.system}"
        )
    project.load_facts(pipeline.plugins)
    for key in pipeline.keys:
        _set_up_key(project, key, prompts, accounts, outcome)
    present = _list_settings(project, pipeline)
    answers = _ask_questions(project, pipeline, prompts, present)
    outcome.summary += [
        (question.text, _describe_answer(question, answers[question.name]))
        for question in QUESTIONS[pipeline.system]
        if question.name in answers
    ]
    _write_settings(project, build_settings(pipeline.system, answers, present), outcome)


def _refuse_real_keys(project: Project, pipeline: Pipeline) -> None:
    """Refuse to replace the keys of real accounts with the sandbox's.

    Raises:
        ConsoleError: there are such keys.
    """
    real = [
        key.variable
        for key in pipeline.keys
        if project.get_variable(key.variable) not in {None, SANDBOX_ACCOUNTS[key.api].key}
    ]
    if real:
        raise ConsoleError(
            f"{' and '.join(real)} is set already, for a real account: try the sandbox in another copy of the project, "
            f"or remove that first with `meltano invoke standpipe:unlink {pipeline.system}`."
        )


def _find_sandbox_in_use(project: Project, pipeline: Pipeline) -> str:
    """Return the address of the sandbox for which a pipeline is set up; empty if there is none."""
    for key in pipeline.keys:
        account = SANDBOX_ACCOUNTS[key.api]
        url = str(project.get_settings(key.plugin).get("api_url") or "")
        if url.endswith(account.path) and project.get_variable(key.variable) == account.key:
            return url.removesuffix(account.path)
    return ""


def _describe_answer(question: Question, answer: Answer) -> str:
    texts = {choice.value: choice.text for choice in question.choices}
    parts = [answer] if isinstance(answer, str) else answer
    return ", ".join(texts.get(part, part) for part in parts) or "none"


def _set_up_key(project: Project, key: Key, prompts: Prompts, accounts: Accounts, outcome: Outcome) -> None:
    """Ask for a key and its account until the API accepts both, and write them."""
    location: dict[str, str] = {}
    while True:
        # A second try proposes the answers of the first.
        present = {**project.get_settings(key.plugin), **location}
        try:
            location = _ask_location(project, key, prompts, accounts, present)
            typed = (
                SANDBOX_ACCOUNTS[key.api].key
                if accounts.sandbox
                else prompts.ask_key(key.variable, key.title, _find_present_key(project, key))
            )
            secret = project.dotenv.resolve_text(typed)
            location |= _verify_key(project, key, {**present, **location, key.setting: secret})
        except ConsoleError as error:
            if not prompts.can_retry or accounts.sandbox:
                raise
            prompts.show_message(error.message)
        else:
            break
    settings = {**present, **location, key.setting: secret}
    prompts.show_message(f"Connected to {describe_account(key, settings, project.get_facts(key.plugin))}.")
    # If .env refers to another variable with the same value, it stays unchanged.
    if project.dotenv.read_values().get(key.variable) != secret:
        project.dotenv.set_value(key.variable, typed)
        outcome.written.append(key.variable)
    project.set_setting(key.plugin, key.setting, secret)
    _write_settings(project, {(key.plugin, name): value for name, value in location.items()}, outcome)
    place = f"in {project.dotenv.path.name}, which only its owner can read"
    outcome.summary.append((f"{key.title}, {key.variable}", place))
    names = ("site", "region", "api_url")
    outcome.summary += [(f"{key.plugin} {name}", str(settings[name])) for name in names if settings.get(name)]


def _ask_location(
    project: Project, key: Key, prompts: Prompts, accounts: Accounts, present: Mapping[str, JsonValue]
) -> dict[str, str]:
    """Return the settings for the account's address. They are checked before the key is sent anywhere."""
    location = dict(SANDBOX_ACCOUNTS[key.api].settings) if accounts.sandbox else {}
    if key.api == "chargebee" and not accounts.sandbox:
        location["site"] = prompts.ask_text("site", _SITE_QUESTION, str(present.get("site") or ""))
        validate_site(project.dotenv.resolve_text(location["site"]))
    if address := accounts.addresses.get(key.api):
        location["api_url"] = validate_url(address)
    return location


def _find_present_key(project: Project, key: Key) -> str | None:
    """Return the key in the settings, or another pipeline's key for the same API."""
    same_api = [other for pipeline in project.pipelines for other in pipeline.keys if other.api == key.api]
    values = (project.get_variable(one.variable) for one in (key, *same_api))
    return next((value for value in values if value), None)


def _verify_key(project: Project, key: Key, settings: JsonObject) -> dict[str, str]:
    """Check a key with its API, and return the settings that the API reports.

    Raises:
        ConsoleError: the API does not know the key, or the key lacks a permission.
    """
    facts, location = project.get_facts(key.plugin), {}
    if key.api == "intercom" and not settings.get("api_url"):
        region = find_region(str(settings[key.setting]), facts)
        if region is None:
            raise ConsoleError(f"No region of Intercom knows the token: check it ({WHERE_TO_MAKE[key.api]}).")
        location = {"region": region}
    for finding in check_key(key, {**settings, **location}, facts):
        # The doctor reports a wrong clock; it does not make the key wrong.
        if finding.result == "fail" and finding.check != "clock":
            raise ConsoleError(f"{finding.what.rstrip('.')} ({finding.remedy}).")
    return location


def _list_settings(project: Project, pipeline: Pipeline) -> dict[Setting, JsonValue]:
    return {
        (plugin, name): value
        for plugin in pipeline.plugins
        for name, value in project.get_effective_settings(plugin).items()
    }


def _ask_questions(
    project: Project, pipeline: Pipeline, prompts: Prompts, settings: Mapping[Setting, JsonValue]
) -> Answers:
    """Return the answers to the necessary questions."""
    defaults, loader = find_answers(pipeline.system, settings), ChoiceLoader(project, pipeline)
    answers: Answers = {}
    for question in QUESTIONS[pipeline.system]:
        if question.is_asked(answers):
            load = partial(loader.load_choices, question)
            answers[question.name] = prompts.ask_question(question, load, defaults[question.name])
    return answers


def _write_settings(project: Project, settings: Mapping[Setting, JsonValue], outcome: Outcome) -> None:
    """Write the settings that differ from the present ones. A default without a contradiction is not written.

    Raises:
        ConsoleError: the shell has another value, which overrides `.env`.
    """
    for (plugin, name), value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value)
        resolved = project.dotenv.resolve_text(value) if isinstance(value, str) else value
        if project.get_effective_settings(plugin).get(name) == resolved:
            continue
        variable = build_variable(plugin, name)
        project.dotenv.set_value(variable, text)
        project.set_setting(plugin, name, resolved)
        outcome.written.append(f"{plugin} {name}: {value}")
        if project.shell_env.get(variable) not in (None, text, resolved):
            raise ConsoleError(
                f"{variable} is set in the shell, which overrides `.env`: unset it, and run setup again."
            )
    project.protect_files()
