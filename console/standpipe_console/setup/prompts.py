"""Who answers the questions: a person at a terminal, or the options of the command.

https://questionary.readthedocs.io/
"""

from __future__ import annotations

import signal
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click
import questionary

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from standpipe_console.setup.questions import Choice, Question


class Asker(Protocol):
    """Somebody who answers."""

    patient: bool  #: a wrong answer may be given again

    def secret(self, name: str, words: str, present: str | None) -> str:
        """Ask for a key."""

    def text(self, name: str, words: str, default: str) -> str:
        """Ask for a word."""

    def ask(self, question: Question, choices: Callable[[], Sequence[Choice]], default: Any) -> Any:
        """Ask a question; its choices may be the site's own, which it takes calls to list."""

    def say(self, sentence: str) -> None:
        """Tell something."""


class Options:
    """The options of the command, and the keys that came through the environment or standard input."""

    patient = False

    def __init__(self, given: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        self._given, self._keys = given, keys

    def secret(self, name: str, words: str, present: str | None) -> str:
        """Give the key of this variable."""
        if found := self._keys.get(name) or present:
            return found
        raise ConsoleError(
            f"The {words} is missing: put it into the environment as {name}, or into standard input as a line "
            f"{name}=… with --keys-from-stdin. An argument could be read by everybody on this machine."
        )

    def text(self, name: str, words: str, default: str) -> str:
        """Give the option, else what is set already."""
        if found := self._given.get(name) or default:
            return str(found)
        raise ConsoleError(f"--{name.replace('_', '-')} is missing: {words}")

    def ask(self, question: Question, choices: Callable[[], Sequence[Choice]], default: Any) -> Any:
        """Give the option if it is one of the choices, else what is set already."""
        answer = self._given.get(question.name)
        if answer in (None, ()):
            return list(default) if question.several else default
        if not question.free and (wrong := _unknown(answer, listed := choices())):
            known = ", ".join(choice.value for choice in listed)
            raise ConsoleError(f"{question.option} cannot be {wrong}: there are {known}.")
        return list(answer) if question.several else answer

    def say(self, sentence: str) -> None:
        """Print it."""
        click.echo(sentence)


def confirm(question: str) -> bool:
    """Ask yes or no, and take everything but a clear yes for a no.

    The question is a line of its own on standard output: Meltano shows what a plugin writes to standard error line by
    line, and a question that waits behind its last word would never be seen.
    """
    click.echo(f"{question} Type y for yes, anything else for no:")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _unknown(answer: Any, choices: Sequence[Choice]) -> str | None:
    """The first part of an answer that is none of the choices, if there are any."""
    values = {choice.value for choice in choices}
    parts = [answer] if isinstance(answer, str) else answer
    return next((part for part in parts if part not in values and part != "*"), None)


class Person:
    """A person at a terminal."""

    patient = True

    def secret(self, name: str, words: str, present: str | None) -> str:
        """Ask without showing what is typed; nothing typed keeps the key that is there."""
        kept = " (Enter keeps the present one)" if present else ""
        typed = str(_answered(questionary.password(f"{words}, {name}{kept}:"))).strip()
        return typed or present or self.secret(name, words, present)

    def text(self, name: str, words: str, default: str) -> str:  # noqa: ARG002
        """Ask for a word."""
        return str(_answered(questionary.text(words, default=default))).strip()

    def ask(self, question: Question, choices: Callable[[], Sequence[Choice]], default: Any) -> Any:
        """Ask with a list to choose from, with boxes to check when several may be chosen."""
        if question.listed:
            click.echo("Looking up what there is to choose from ...")
        there_are = choices()
        if question.free:
            names = [choice.value for choice in there_are]
            return _answered(questionary.autocomplete(question.words, choices=names, default=str(default)))
        if question.several:
            boxes = [questionary.Choice(one.words, one.value, checked=one.value in default) for one in there_are]
            return _answered(questionary.checkbox(question.words, choices=boxes)) if boxes else list(default)
        listed = [questionary.Choice(one.words, one.value) for one in there_are]
        present = default if any(one.value == default for one in there_are) else None
        return _answered(questionary.select(question.words, choices=listed, default=present))

    def say(self, sentence: str) -> None:
        """Print it."""
        click.echo(sentence)


@contextmanager
def hidden_typing() -> Iterator[None]:
    """Show nothing of what is typed between two questions, while the command works: it may be a key."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    hidden = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, hidden)
    # Also a command that is told to end leaves a terminal that shows what is typed.
    told_to_end = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, told_to_end)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _answered(question: questionary.Question) -> Any:
    """An answer; Ctrl-C ends the command, with what was written so far."""
    # What was typed before the question was there is no answer to it.
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    answer = question.unsafe_ask()
    return answer if answer is not None else ""
