"""The command `setup`, whose options are its questions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from standpipe_console import output
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES, SYNC, SYSTEMS
from standpipe_console.setup.prompts import Options, Terminal, hide_typing
from standpipe_console.setup.questions import QUESTIONS
from standpipe_console.setup.steps import SANDBOX_ACCOUNTS, Accounts, Outcome, find_sandbox, set_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from standpipe_console._kit.json_types import JsonValue
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: The exit code after Ctrl-C, as in shells.
_STOPPED = 130


def _add_question_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every question."""
    questions = [question for questions in QUESTIONS.values() for question in questions]
    # The option added last comes first in the help.
    for question in reversed(questions):
        values = [choice.value for choice in question.choices]
        add_option = click.option(
            question.option,
            type=click.Choice(values) if values else str,
            multiple=question.multiple,
            help=question.text,
        )
        command = add_option(command)
    return command


@click.command()
@click.argument("system", type=click.Choice(list(SYSTEMS)), default="intercom")
@click.option("--site", help="The Chargebee site: acme in acme.chargebee.com.")
@click.option("--keys-from-stdin", is_flag=True, help="Read the keys from standard input, one NAME=value per line.")
@click.option("--no-input", is_flag=True, help="Ask nothing, even at a terminal: use the options and what is set.")
@click.option("--sandbox", metavar="URL", help="Try it without an account: the address that `make sandbox` prints.")
@click.option("--chargebee-url", metavar="URL", help="Another base address of Chargebee's API, such as a proxy's.")
@click.option("--intercom-url", metavar="URL", help="Another base address of Intercom's API, such as a proxy's.")
@click.option("--chartmogul-url", metavar="URL", help="Another base address of ChartMogul's API, such as a proxy's.")
@_add_question_options
@click.pass_obj
def setup(project: Project, /, system: str, *, keys_from_stdin: bool, no_input: bool, **options: JsonValue) -> None:
    """Set up a pipeline: keys, then what is matched, written and created.

    At a terminal it asks; elsewhere the options answer. What no option names stays as it is set, or takes the plugin's
    default.

    Keys are never options. They are typed unseen, or come from the environment or standard input: for intercom
    TAP_CHARGEBEE_API_KEY and TARGET_INTERCOM_ACCESS_TOKEN, for chartmogul TAP_INTERCOM_ACCESS_TOKEN and
    TARGET_CHARTMOGUL_API_KEY.
    """
    pipeline = SYSTEMS[system]
    if pipeline not in project.pipelines:
        raise ConsoleError(f"meltano.yml has no pipeline to {system}.")
    project.use_own_dotenv()
    keys = parse_keys(sys.stdin) if keys_from_stdin else {}
    is_interactive = sys.stdin.isatty() and not no_input and not keys_from_stdin
    prompts = Terminal() if is_interactive else Options(options, {**project.shell_env, **keys})
    outcome = Outcome()
    try:
        with hide_typing():
            if options["sandbox"]:
                accounts = find_sandbox(options["sandbox"])
            else:
                accounts = Accounts({api: url for api in SANDBOX_ACCOUNTS if (url := options[f"{api}_url"])})
            set_up(project, pipeline, prompts, accounts, outcome)
    except (KeyboardInterrupt, EOFError):
        click.echo(f"\n{outcome.stop_message}")
        sys.exit(_STOPPED)
    _print_outcome(project, pipeline, outcome)


def parse_keys(lines: Iterable[str]) -> dict[str, str]:
    """Return the keys in lines of the form NAME=value.

    Raises:
        ConsoleError: a line does not begin with the name of a known key. The message leaves out its value.
    """
    variables = sorted({key.variable for pipeline in PIPELINES for key in pipeline.keys})
    keys = {}
    for line in lines:
        name, _, value = line.strip().partition("=")
        if not name:
            continue
        if name not in variables:
            raise ConsoleError(
                f"Standard input has a line that is not a key: begin it with one of {', '.join(variables)}."
            )
        keys[name] = value
    return keys


def _print_outcome(project: Project, pipeline: Pipeline, outcome: Outcome) -> None:
    """Print what was written, the present settings, and the next step."""
    for line in outcome.written:
        click.echo(f"set {line}")
    out = output.open_console()
    out.print()
    out.print(output.build_table(("question", "answer"), outcome.summary))
    out.print()
    click.echo(f"{pipeline.title} is set up. The keys are in {project.dotenv.path}, which only its owner can read.")
    first_run = "meltano run validate" if pipeline == SYNC else f"meltano run {pipeline.job}"
    click.echo(f"Next: meltano invoke standpipe:doctor, then {first_run}")
