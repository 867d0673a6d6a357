"""The source of the answers: a person at a terminal, or the options of the command.

https://questionary.readthedocs.io/
"""

from __future__ import annotations

import signal
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click
import questionary

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from standpipe_console._kit.json_types import JsonValue
    from standpipe_console.setup.questions import Answer, Choice, Question


#: A list with more choices than this can be searched by typing.
_SEARCHED = 10


class Prompts(Protocol):
    """Gives the answers."""

    can_retry: bool  #: whether a question can be repeated after a wrong answer

    def ask_key(self, variable: str, title: str, present: str | None) -> str:
        """Return a key."""

    def ask_text(self, name: str, text: str, default: str) -> str:
        """Return a word."""

    def ask_question(self, question: Question, load_choices: Callable[[], Sequence[Choice]], default: Answer) -> Answer:
        """Return the answer to a question; loading its choices may take calls to the vendor."""

    def show_message(self, sentence: str) -> None:
        """Show a sentence."""


class Options:
    """The options of the command, and the keys from the environment or standard input."""

    can_retry = False

    def __init__(self, options: Mapping[str, JsonValue], keys: Mapping[str, str]) -> None:
        self._options, self._keys = options, keys

    def ask_key(self, variable: str, title: str, present: str | None) -> str:
        """Return the key for this variable."""
        if key := self._keys.get(variable) or present:
            return key
        raise ConsoleError(
            f"The {title} is missing: put it into the environment as {variable}, or into standard input as a line "
            f"{variable}=… with --keys-from-stdin. Other users of this machine could read an argument."
        )

    def ask_text(self, name: str, text: str, default: str) -> str:
        """Return the option, or else the present setting."""
        if value := self._options.get(name) or default:
            return str(value)
        raise ConsoleError(f"--{name.replace('_', '-')} is missing: {text}")

    def ask_question(self, question: Question, load_choices: Callable[[], Sequence[Choice]], default: Answer) -> Answer:
        """Return the option if it is one of the choices, or else the present setting."""
        value = self._options.get(question.name)
        if value in (None, ()):
            return list(default) if question.multiple else default
        answer: Answer = list(value) if question.multiple else value
        # If any answer is possible, no call for the choices is needed.
        if not question.accepts_other:
            choices = [choice.value for choice in load_choices()]
            parts = [answer] if isinstance(answer, str) else answer
            unknown = [part for part in parts if part not in choices and part != "*"]
            if unknown:
                raise ConsoleError(f"{question.option} cannot be {unknown[0]}: choose from {', '.join(choices)}.")
        return answer

    def show_message(self, sentence: str) -> None:
        """Print it."""
        click.echo(sentence)


class Terminal:
    """A person at a terminal."""

    can_retry = True

    def ask_key(self, variable: str, title: str, present: str | None) -> str:
        """Ask without showing the typed text. Enter keeps the present key."""
        hint = " (Enter keeps the present one)" if present else ""
        while True:
            typed = str(_ask(questionary.password(f"{title}, {variable}{hint}:"))).strip()
            if key := typed or present:
                return key

    def ask_text(self, name: str, text: str, default: str) -> str:  # noqa: ARG002
        """Ask for a word."""
        return str(_ask(questionary.text(text, default=default))).strip()

    def ask_question(self, question: Question, load_choices: Callable[[], Sequence[Choice]], default: Answer) -> Answer:
        """Ask with a list to choose from, or with boxes to check if several choices are possible."""
        if question.choices_from:
            click.echo("Looking up the choices ...")
        choices = load_choices()
        if question.accepts_other:
            names = [choice.value for choice in choices]
            return _ask(questionary.autocomplete(question.text, choices=names, default=str(default)))
        if question.multiple:
            boxes = [questionary.Choice(one.text, one.value, checked=one.value in default) for one in choices]
            if not boxes:
                return list(default)
            # Typing searches a long list. Letters then cannot move the cursor.
            is_long = len(boxes) > _SEARCHED
            return _ask(
                questionary.checkbox(question.text, choices=boxes, use_search_filter=is_long, use_jk_keys=not is_long)
            )
        rows = [questionary.Choice(one.text, one.value) for one in choices]
        # The present answer may be a field that no longer exists.
        present = str(default) if any(one.value == default for one in choices) else None
        return _ask(questionary.select(question.text, choices=rows, default=present))

    def show_message(self, sentence: str) -> None:
        """Print it."""
        click.echo(sentence)


@contextmanager
def hide_typing() -> Iterator[None]:
    """Hide what is typed between two questions, while the command works, because it may be a key."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    hidden = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, hidden)
    # Even after a termination, the terminal must show typed text again.
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _ask(question: questionary.Question) -> Answer:
    """Return the answer. Ctrl-C ends the command, and what was already written stays."""
    # Text that was typed before the question appeared is not an answer to it.
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    answer: Answer | None = question.unsafe_ask()
    return answer if answer is not None else ""
