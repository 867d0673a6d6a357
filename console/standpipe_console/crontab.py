"""A block of a crontab between two marks: everything outside of it is somebody else's, and stays to the byte.

https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_BEGIN, _END = "# standpipe begin", "# standpipe end"


@dataclass(frozen=True)
class Block:
    """The lines of one project, by the schedule that each runs."""

    root: Path

    @property
    def marks(self) -> tuple[str, str]:
        """The lines before and after."""
        return f"{_BEGIN} {self.root}", f"{_END} {self.root}"

    def split(self, table: str) -> tuple[list[str], list[str]]:
        """Part a crontab into everybody else's lines and the block's."""
        begin, end = self.marks
        others: list[str] = []
        ours: list[str] = []
        within = False
        for line in table.splitlines(keepends=True):
            bare = line.rstrip("\n")
            if bare == begin:
                within = True
            elif bare == end and within:
                within = False
            else:
                (ours if within else others).append(line)
        return others, [line.rstrip("\n") for line in ours]

    def lines(self, table: str) -> dict[str, str]:
        """The block's lines by the name of their schedule, which is their last word."""
        return {shlex.split(line)[-1]: line for line in self.split(table)[1] if line.strip()}

    def put(self, table: str, lines: Mapping[str, str]) -> str:
        """Give the crontab with these lines as the block; without any, without a block."""
        others = "".join(self.split(table)[0])
        if not lines:
            return others
        if others and not others.endswith("\n"):
            others += "\n"
        begin, end = self.marks
        return others + "\n".join([begin, *lines.values(), end]) + "\n"


def cron_line(interval: str, command: Sequence[str]) -> str:
    """A line that runs a command, whatever characters its words have.

    Raises:
        ConsoleError: a word holds a line break, which no crontab can.
    """
    text = shlex.join(command)
    if "\n" in text:
        raise ConsoleError("A crontab cannot run a command whose path holds a line break: move the project.")
    # In a crontab, % is a line break unless it is escaped; see crontab(5).
    return f"{interval} {text.replace('%', chr(92) + '%')}"


def read() -> str:
    """The user's crontab; empty when there is none.

    Raises:
        ConsoleError: there is no crontab command.
    """
    done = _crontab("-l")
    return done.stdout if done.returncode == 0 else ""


def write(table: str) -> None:
    """Replace the user's crontab; an empty one is taken away.

    Raises:
        ConsoleError: crontab refuses it.
    """
    done = _crontab("-", given=table) if table.strip() else _crontab("-r")
    if done.returncode and table.strip():
        raise ConsoleError(f"`crontab` refuses the table: {done.stderr.strip()}")


def is_there() -> bool:
    """Whether this machine has the command at all."""
    return shutil.which("crontab") is not None


def _crontab(argument: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    executable = shutil.which("crontab")
    if executable is None:
        raise ConsoleError(
            "There is no `crontab` on this machine: install cron (`apt-get install cron`), or give the line that "
            "`schedule show` prints to the scheduler that you have."
        )
    return subprocess.run([executable, argument], input=given, capture_output=True, text=True, check=False)  # noqa: S603
