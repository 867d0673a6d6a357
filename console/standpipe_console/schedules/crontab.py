"""A block of a crontab between two marks: everything that is not ours stays to the byte.

https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BEGIN, _END = "# standpipe begin", "# standpipe end"
_MARKS = (f"{_BEGIN} ", f"{_END} ")
#: What `crontab -l` says when there is none: Vixie's cron, cronie, fcron and systemd-cron; then BusyBox.
_NONE = re.compile(r"\bno f?crontab\b|can't open '[^'/]*': No such file or directory", re.IGNORECASE)
DAEMONS = {"cron", "crond", "fcron"}


@dataclass(frozen=True)
class Block:
    """The lines of one project, by the schedule that each runs."""

    root: Path

    @property
    def marks(self) -> tuple[str, str]:
        """The lines before and after."""
        return f"{_BEGIN} {self.root}", f"{_END} {self.root}"

    def split(self, table: str) -> tuple[list[str], list[str]]:
        """Part a crontab into everybody else's lines, with their ends, and the block's.

        A line is the block's only if it stands beside one of the marks and runs a schedule of this project: somebody
        may have written between the marks, and a mark may have been lost.
        """
        lines = re.findall(r"[^\n]*\n|[^\n]+", table)
        begin, end = self.marks
        within = _between(lines, begin, end)
        others, ours = [], []
        for line, is_within in zip(lines, within, strict=True):
            bare = line.removesuffix("\n")
            if is_within and self._runs(bare):
                ours.append(bare)
            elif bare not in (begin, end):
                others.append(line)
        return others, ours

    def _runs(self, line: str) -> bool:
        """Whether a line runs one of this project's schedules."""
        words = _words(line)
        if words[-3:-1] != ["schedule", "run"] or not any(Path(word).name == "standpipe" for word in words):
            return False
        named = [after for word, after in itertools.pairwise(words) if word == "--project"]
        # Within quotes, what cron reads as % is still written `\%` here.
        return {*named} <= {str(self.root), str(self.root).replace("%", r"\%")}

    def lines(self, table: str) -> dict[str, str]:
        """The block's lines by the name of their schedule, which is their last word."""
        return {_words(line)[-1]: line for line in self.split(table)[1]}

    def put(self, table: str, lines: Mapping[str, str]) -> str:
        """Give the crontab with these lines as the block; without any, without a block."""
        others = "".join(self.split(table)[0])
        if not lines:
            return others
        if others and not others.endswith("\n"):
            others += "\n"
        begin, end = self.marks
        return others + "\n".join([begin, *lines.values(), end]) + "\n"


def _between(lines: Sequence[str], begin: str, end: str) -> list[bool]:
    """Which lines stand between the marks; a lost one counts as standing at the next mark, or where the table ends."""
    bare = [line.removesuffix("\n") for line in lines]
    within = [False] * len(lines)
    start = 0
    for at, line in [*enumerate(bare), (len(bare), _MARKS[1])]:
        if not line.startswith(_MARKS):
            continue
        if line == end or (start and bare[start - 1] == begin):
            within[start:at] = [True] * (at - start)
        start = at + 1
    return within


def _words(line: str) -> list[str]:
    """The words of a line as the shell parts them; none when it cannot."""
    try:
        return shlex.split(line)
    except ValueError:
        return []


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
        ConsoleError: there is no crontab command, or it does not tell. Then nothing may be written over the table.
    """
    done = _run_crontab("-l")
    if done.returncode == 0:
        return _text(done.stdout)
    if _NONE.search(_text(done.stderr)):
        return ""
    raise ConsoleError(
        f"`crontab -l` failed ({_reason(done)}): the crontab is left as it is. Mend that, and try again."
    )


def write(table: str) -> None:
    """Replace the user's crontab; an empty one is removed.

    Raises:
        ConsoleError: crontab refuses it.
    """
    done = _run_crontab("-", typed=table) if table.strip() else _run_crontab("-r")
    if done.returncode:
        raise ConsoleError(f"`crontab` refuses the table ({_reason(done)}): the crontab is left as it is.")


def is_there() -> bool:
    """Whether this machine has the command at all."""
    return shutil.which("crontab") is not None


def is_daemon_running() -> bool:
    """Whether a cron of any make is among the processes."""
    return any(_is_daemon(process) for process in psutil.process_iter(["name", "cmdline"]))


def _is_daemon(process: psutil.Process) -> bool:
    words: list[str] = process.info["cmdline"] or []
    return process.info["name"] in DAEMONS or (process.info["name"] == "busybox" and "crond" in words[:2])


#: What to do when none is running.
START_DAEMON = "start one, such as with `service cron start` or `systemctl start cron`"


def _run_crontab(argument: str, typed: str | None = None) -> subprocess.CompletedProcess[bytes]:
    executable = shutil.which("crontab")
    if executable is None:
        raise ConsoleError(
            "There is no `crontab` on this machine: install cron (`apt-get install cron`), or give the line that "
            "`schedule show` prints to the scheduler that you have."
        )
    # Bytes, and messages that are not translated: others' lines may be of any encoding, with any line end.
    given = None if typed is None else typed.encode("utf-8", "surrogateescape")
    return subprocess.run(  # noqa: S603
        [executable, argument], input=given, capture_output=True, env={**os.environ, "LC_ALL": "C"}, check=False
    )


def _text(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape")


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), f"exit code {done.returncode}")
