"""`setup`: from nothing to a pipeline that can be validated; asked again, it begins with what is set.

Keys go into `.env` by this process alone: in an argument of another program, everybody on the machine could read them.
Every other setting is written by Meltano's own command.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from standpipe_console.api import vendors
from standpipe_console.checks import access
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import DEFAULTS, variable
from standpipe_console.setup.choices import Listing
from standpipe_console.setup.questions import QUESTIONS, Answers, defaults, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Key, Pipeline
    from standpipe_console.setup.prompts import Asker
    from standpipe_console.setup.questions import Question, Setting

#: What must be known beside a key before its API can be asked: setting, words and rule; the address is an option only.
PLACES: dict[str, tuple[tuple[str, str, Callable[[Any], str]], ...]] = {
    "chargebee": (
        ("site", "Chargebee site (the first word of your address, acme in acme.chargebee.com):", vendors.checked_site),
    ),
    "intercom": (),
    "chartmogul": (),
}
#: What the sandbox takes, by API: the key, and what must be known beside it. It is public, and opens nothing else.
SANDBOX: dict[str, tuple[str, dict[str, str]]] = {
    "chargebee": ("sandbox_key", {"site": "sandbox"}),
    "intercom": ("sandbox_token", {}),
    "chartmogul": ("sandbox_key", {}),
}
#: Where the sandbox serves each API.
SANDBOX_PATHS = {"chargebee": "/chargebee/api/v2", "intercom": "/intercom", "chartmogul": "/chartmogul/v1"}


@dataclass
class Outcome:
    """What a setup has done so far, also when it is stopped."""

    written: list[str] = field(default_factory=list)  #: settings, with their values; of a key its name alone
    summary: list[tuple[str, str]] = field(default_factory=list)  #: what was asked for, and what it is now

    @property
    def kept(self) -> str:
        """What stays when somebody stops it, in one sentence."""
        if not self.written:
            return "Stopped: nothing was written."
        return f"Stopped. In .env stays: {', '.join(self.written)}. The next setup begins with that."


@dataclass(frozen=True)
class Accounts:
    """Where the accounts are: by API the address that stands for the vendor's own, and whether that is a sandbox."""

    addresses: Mapping[str, str]
    sandbox: bool = False


def sandbox_at(url: str) -> Accounts:
    """Find the three accounts of a sandbox.

    Raises:
        ConsoleError: there is none at this address.
    """
    base = vendors.checked_url(url).rstrip("/")
    absent = f"No sandbox answers at {base}: start one with `make sandbox`, and give the address that it prints."
    try:
        answer = vendors.anonymous("The sandbox", base).get("/sandbox/calls")
    except ConsoleError:
        raise ConsoleError(absent) from None
    if not answer.ok or "calls" not in answer.body:
        raise ConsoleError(absent)
    return Accounts({api: base + path for api, path in SANDBOX_PATHS.items()}, sandbox=True)


def setup(project: Project, pipeline: Pipeline, asker: Asker, accounts: Accounts, outcome: Outcome) -> None:
    """Ask, check and write.

    Args:
        project: the project.
        pipeline: what to set up.
        asker: who answers.
        accounts: where the accounts are.
        outcome: takes what was written and chosen, step by step.

    Raises:
        ConsoleError: an answer is wrong, and cannot be given again.
    """
    project.learn(pipeline.plugins)
    if accounts.sandbox:
        _assert_no_real_keys(project, pipeline)
    elif url := _sandbox_in_use(project, pipeline):
        asker.say(
            f"This pipeline is set up for a sandbox ({url}). For real accounts, take that away first: "
            f"meltano invoke standpipe:unlink {pipeline.system}"
        )
    for key in pipeline.keys:
        _link(project, key, asker, accounts, outcome)
    answers = _answers(project, pipeline, asker)
    outcome.summary += [
        (one.words, _told(one, answers[one.name])) for one in QUESTIONS[pipeline.system] if one.name in answers
    ]
    _write(project, settings_of(pipeline.system, answers), outcome)


def _assert_no_real_keys(project: Project, pipeline: Pipeline) -> None:
    """Keep somebody who wants to try it from losing the keys of real accounts.

    Raises:
        ConsoleError: there are such keys.
    """
    real = [key.variable for key in pipeline.keys if project.value(key.variable) not in (None, SANDBOX[key.api][0])]
    if real:
        raise ConsoleError(
            f"{' and '.join(real)} is set already, for a real account: try the sandbox in another copy of the project, "
            f"or remove that first with `meltano invoke standpipe:unlink {pipeline.system}`."
        )


def _sandbox_in_use(project: Project, pipeline: Pipeline) -> str:
    """Give the address of the sandbox that a pipeline is set up for, if it is."""
    for key in pipeline.keys:
        url = str(project.settings(key.plugin).get("api_url") or "")
        if url.endswith(SANDBOX_PATHS[key.api]) and project.value(key.variable) == SANDBOX[key.api][0]:
            return url.removesuffix(SANDBOX_PATHS[key.api])
    return ""


def _told(question: Question, answer: Any) -> str:
    """An answer as it was read."""
    words = {choice.value: choice.words for choice in question.choices}
    parts = [answer] if isinstance(answer, str) else list(answer)
    return ", ".join(words.get(part, part) for part in parts) or "none"


def _link(project: Project, key: Key, asker: Asker, accounts: Accounts, outcome: Outcome) -> None:
    """Ask for a key and where it belongs, until the API knows it; then write both."""
    places: dict[str, str] = {}
    while True:
        present = {**project.settings(key.plugin), **places}
        try:
            places = _places(project, key, asker, accounts, present)
            known = _known(project, key)
            secret = SANDBOX[key.api][0] if accounts.sandbox else asker.secret(key.variable, key.words, known)
            meant = project.dotenv.meaning(secret)
            places |= _found(key, {**present, **places, key.setting: meant})
        except ConsoleError as error:
            if not asker.patient or accounts.sandbox:
                raise
            asker.say(error.message)
        else:
            break
    settings = {**present, **places, key.setting: meant}
    asker.say(f"Connected to {access.whose(key, settings)}.")
    # What stands there and means the same already, such as another variable's name, is left as it is.
    if project.dotenv.values().get(key.variable) != meant:
        project.dotenv.put(key.variable, secret)
        outcome.written.append(key.variable)
    project.note(key.plugin, key.setting, meant)
    _write(project, {(key.plugin, name): value for name, value in places.items()}, outcome)
    outcome.summary += [(f"{key.words}, {key.variable}", "in .env, which only its owner can read")]
    outcome.summary += [(f"{key.plugin} {name}", str(settings[name])) for name in _shown(key) if settings.get(name)]


def _shown(key: Key) -> tuple[str, ...]:
    """The settings that say where an account is."""
    return (*(name for name, *_ in PLACES[key.api]), "region", "api_url")


def _places(project: Project, key: Key, asker: Asker, accounts: Accounts, present: Mapping[str, Any]) -> dict[str, str]:
    """What must be known beside a key, each judged before the key is asked for, and long before it is sent anywhere."""
    places = dict(SANDBOX[key.api][1]) if accounts.sandbox else {}
    for name, words, check in PLACES[key.api]:
        if not accounts.sandbox:
            places[name] = asker.text(name, words, str(present.get(name) or ""))
            check(project.dotenv.meaning(places[name]))
    if address := accounts.addresses.get(key.api):
        places["api_url"] = vendors.checked_url(address)
    return places


def _known(project: Project, key: Key) -> str | None:
    """The key that is there, or that another pipeline has for the same API."""
    return project.value(key.variable) or next(
        (
            found
            for other in project.pipelines
            for one in other.keys
            if one.api == key.api and (found := project.value(one.variable))
        ),
        None,
    )


def _found(key: Key, settings: Mapping[str, Any]) -> dict[str, str]:
    """Ask the API about a key; what it tells of where the account is.

    Raises:
        ConsoleError: it does not know the key, or the key may not do enough.
    """
    places = {}
    if key.api == "intercom" and not settings.get("api_url"):
        region = vendors.region_of(str(settings[key.setting]))
        if region is None:
            raise ConsoleError(
                f"Intercom knows the token in none of its regions: check it ({access.MADE_AT[key.api]})."
            )
        places = {"region": region}
    wrong = [
        one for one in access.examine(key, {**settings, **places}) if one.result == "fail" and one.check != "clock"
    ]
    if wrong:
        raise ConsoleError(f"{wrong[0].what.rstrip('.')} ({wrong[0].remedy}).")
    return places


def _answers(project: Project, pipeline: Pipeline, asker: Asker) -> Answers:
    """Ask the questions whose condition holds."""
    present = {(plugin, name): value for plugin in pipeline.plugins for name, value in project.settings(plugin).items()}
    begins, lists = defaults(pipeline.system, present), Listing(project, pipeline)
    answers: Answers = {}
    for question in QUESTIONS[pipeline.system]:
        if question.when(answers):
            choices = partial(lists.choices, question)
            answers[question.name] = asker.ask(question, choices, begins[question.name])
    return answers


def _write(project: Project, wanted: Mapping[Setting, Any], outcome: Outcome) -> None:
    """Write what differs from what is in force; defaults that nothing contradicts are left unwritten.

    Raises:
        ConsoleError: the shell's environment says otherwise, and would win.
    """
    for (plugin, name), value in wanted.items():
        text = value if isinstance(value, str) else json.dumps(value)
        meant = project.dotenv.meaning(value) if isinstance(value, str) else value
        if not _differs(project, (plugin, name), meant):
            continue
        project.meltano("config", "set", "--store=dotenv", plugin, name, text)
        project.note(plugin, name, meant)
        outcome.written.append(f"{plugin} {name}: {value}")
        if project.env.get(variable(plugin, name)) not in (None, text, meant):
            raise ConsoleError(f"{variable(plugin, name)} is set in the shell, and would win: unset it, and try again.")
    project.close()


def _differs(project: Project, setting: Setting, value: Any) -> bool:
    plugin, name = setting
    present = project.settings(plugin).get(name)
    return bool((DEFAULTS.get(setting) if present is None else present) != value)
