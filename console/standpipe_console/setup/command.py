"""The command `setup`: its options are the questions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from standpipe_console import output
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES, SYNC, SYSTEMS
from standpipe_console.setup import steps as setting_up
from standpipe_console.setup.prompts import Options, Person, hidden_typing
from standpipe_console.setup.questions import QUESTIONS
from standpipe_console.setup.steps import Accounts, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.setup.questions import Question

#: What a command that was stopped by Ctrl-C exits with, as a shell tells it.
STOPPED = 130
VARIABLES = {key.variable for pipeline in PIPELINES for key in pipeline.keys}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for every question."""
    for question in reversed([one for asked in QUESTIONS.values() for one in asked]):
        command = _option(question)(command)
    return command


def _option(question: Question) -> Callable[[Callable[..., None]], Callable[..., None]]:
    values = [choice.value for choice in question.choices]
    default = "" if question.several else f" [default: {question.default}]"
    return click.option(
        question.option,
        type=click.Choice(values) if values else str,
        multiple=question.several,
        help=question.words + default,
    )


@click.command()
@click.argument("system", type=click.Choice(list(SYSTEMS)), default="intercom")
@click.option("--site", help="The Chargebee site: acme in acme.chargebee.com.")
@click.option("--keys-from-stdin", is_flag=True, help="Read the keys from standard input, NAME=value a line.")
@click.option("--no-input", is_flag=True, help="Ask nothing, even at a terminal: take options and present settings.")
@click.option("--sandbox", metavar="URL", help="Try it without an account: the address that `make sandbox` prints.")
@click.option("--chargebee-url", metavar="URL", help="Another base of Chargebee's API, such as a proxy's.")
@click.option("--intercom-url", metavar="URL", help="Another base of Intercom's API, such as a proxy's.")
@click.option("--chartmogul-url", metavar="URL", help="Another base of ChartMogul's API, such as a proxy's.")
@_options
@click.pass_obj
def setup(project: Project, /, system: str, *, keys_from_stdin: bool, no_input: bool, **given: Any) -> None:
    """Set up a pipeline: keys, then what is matched, written and created. Without a terminal, by options.

    Keys are never options. They are typed unseen, or come from the environment or standard input: for intercom
    TAP_CHARGEBEE_API_KEY and TARGET_INTERCOM_ACCESS_TOKEN, for chartmogul TAP_INTERCOM_ACCESS_TOKEN and
    TARGET_CHARTMOGUL_API_KEY.
    """
    pipeline = SYSTEMS[system]
    if pipeline not in project.pipelines:
        raise ConsoleError(f"meltano.yml has no pipeline to {system}.")
    typed = keys_from(sys.stdin) if keys_from_stdin else {}
    at_terminal = sys.stdin.isatty() and not no_input and not keys_from_stdin
    asker = Person() if at_terminal else Options(given, {**project.env, **typed})
    outcome = Outcome()
    try:
        with hidden_typing():
            accounts = _accounts(given)
            setting_up.setup(project, pipeline, asker, accounts, outcome)
    except (KeyboardInterrupt, EOFError):
        click.echo(f"\n{outcome.kept}")
        sys.exit(STOPPED)
    _tell(project, pipeline, outcome)


def _accounts(given: Mapping[str, Any]) -> Accounts:
    """Where the accounts are, by the options."""
    if given["sandbox"]:
        return setting_up.sandbox_at(given["sandbox"])
    return Accounts({api: url for api in ("chargebee", "intercom", "chartmogul") if (url := given[f"{api}_url"])})


def keys_from(lines: Iterable[str]) -> dict[str, str]:
    """The keys in lines of the form NAME=value.

    Raises:
        ConsoleError: a line is none of a key; what it holds is not shown.
    """
    pairs = [line.strip().partition("=") for line in lines if line.strip()]
    for name, _, _ in pairs:
        if name not in VARIABLES:
            raise ConsoleError(f"Standard input has a line that is no key: begin it with one of {sorted(VARIABLES)}.")
    return {name: value for name, _, value in pairs}


def _tell(project: Project, pipeline: Pipeline, outcome: Outcome) -> None:
    """Say what was written, what holds now, and what comes next."""
    for line in outcome.written:
        click.echo(f"set {line}")
    out = output.out()
    out.print()
    out.print(output.table(("asked", "answer"), outcome.summary))
    out.print()
    click.echo(f"{pipeline.title} is set up; the keys are in {project.dotenv.path}, for its owner alone.")
    looks = "meltano run validate" if pipeline == SYNC else f"meltano run {pipeline.job}"
    click.echo(f"Next: meltano invoke standpipe:doctor, then {looks}")
