"""`setup`: from nothing to a pipeline that can be validated; asked again, it begins with what is set.

Keys go into `.env` by this process alone: in an argument of another program, everybody on the machine could read them.
Every other setting is written by Meltano's own command.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from standpipe_console import access, apis, listing
from standpipe_console.errors import ConsoleError
from standpipe_console.pipelines import DEFAULTS, variable
from standpipe_console.questions import QUESTIONS, Answers, defaults, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console.asking import Asker
    from standpipe_console.pipelines import Key, Pipeline
    from standpipe_console.project import Project
    from standpipe_console.questions import Setting

#: What must be known beside a key before its API can be asked: setting and words; the address is asked by option only.
PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "chargebee": (("site", "Chargebee site (the first word of your address, acme in acme.chargebee.com):"),),
    "intercom": (),
    "chartmogul": (),
}


def setup(project: Project, pipeline: Pipeline, asker: Asker, addresses: Mapping[str, str]) -> list[str]:
    """Ask, check and write.

    Args:
        project: the project.
        pipeline: what to set up.
        asker: who answers.
        addresses: by API, the address that stands for the vendor's own.

    Returns:
        The settings that were changed, in words.

    Raises:
        ConsoleError: an answer is wrong, and cannot be given again.
    """
    project.learn(pipeline.plugins)
    changed = [line for key in pipeline.keys for line in _link(project, key, asker, addresses)]
    return changed + _write(project, settings_of(pipeline.system, _answers(project, pipeline, asker)))


def _link(project: Project, key: Key, asker: Asker, addresses: Mapping[str, str]) -> list[str]:
    """Ask for a key and where it belongs, until the API knows it; then write both."""
    places: dict[str, str] = {}
    while True:
        present = {**project.settings(key.plugin), **places}
        places = {name: asker.text(name, words, present.get(name, "")) for name, words in PLACES[key.api]}
        if address := addresses.get(key.api):
            places["api_url"] = address
        secret = asker.secret(key.variable, key.words, _known(project, key))
        try:
            places |= _found(key, {**present, **places, key.setting: secret})
        except ConsoleError as error:
            if not asker.patient:
                raise
            asker.say(error.message)
        else:
            project.dotenv.put(key.variable, secret)
            project.note(key.plugin, key.setting, secret)
            return _write(project, {(key.plugin, name): value for name, value in places.items()})


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
        region = apis.region_of(str(settings[key.setting]))
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
    begins, lists = defaults(pipeline.system, present), listing.Listing(project, pipeline)
    answers: Answers = {}
    for question in QUESTIONS[pipeline.system]:
        if question.when(answers):
            choices = partial(lists.choices, question)
            answers[question.name] = asker.ask(question, choices, begins[question.name])
    return answers


def _write(project: Project, wanted: Mapping[Setting, Any]) -> list[str]:
    """Write what differs from what is in force; defaults that nothing contradicts are left unwritten.

    Raises:
        ConsoleError: the shell's environment says otherwise, and would win.
    """
    changed = [(*setting, value) for setting, value in wanted.items() if _differs(project, setting, value)]
    for plugin, name, value in changed:
        text = value if isinstance(value, str) else json.dumps(value)
        project.meltano("config", "set", "--store=dotenv", plugin, name, text)
        project.note(plugin, name, value)
        if project.env.get(variable(plugin, name)) not in (None, text):
            raise ConsoleError(f"{variable(plugin, name)} is set in the shell, and would win: unset it, and try again.")
    project.close()
    return [f"{plugin} {name}: {value}" for plugin, name, value in changed]


def _differs(project: Project, setting: Setting, value: Any) -> bool:
    plugin, name = setting
    present = project.settings(plugin).get(name)
    return bool((DEFAULTS.get(setting) if present is None else present) != value)
