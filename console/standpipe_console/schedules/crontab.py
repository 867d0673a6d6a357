"""The user's crontab, with this project's lines between two marks. All other lines stay byte for byte.

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
#: The messages of `crontab -l` without a crontab: Vixie's cron, cronie, fcron and systemd-cron; then BusyBox.
_NO_CRONTAB = re.compile(r"\bno f?crontab\b|can't open '[^'/]*': No such file or directory", re.IGNORECASE)
#: The name of the line that checks for alerts. The name of a schedule has no space.
ALERT_CHECK = "alert check"
DAEMONS = {"cron", "crond", "fcron"}
#: What to do when no cron runs.
START_DAEMON = "start one, for example with `service cron start` or `systemctl start cron`"


@dataclass(frozen=True)
class Block:
    """The lines of one project in one environment.

    The block of an environment other than the default has its own marks.
    """

    root: Path
    environment: str = ""  #: empty: lines of any environment belong to the block
    is_default: bool = True

    @property
    def marks(self) -> tuple[str, str]:
        """The lines before and after the block."""
        title = str(self.root) if self.is_default else f"{self.root} ({self.environment})"
        return f"{_BEGIN} {title}", f"{_END} {title}"

    def split_table(self, table: str) -> tuple[list[str], list[str]]:
        """Split a crontab into the lines of others, with their line ends, and the lines of this project.

        A line belongs to this project only if it is next to one of the marks and runs one of the project's schedules or
        the check for alerts. A user may have written between the marks, and a mark may be lost.
        """
        lines = re.findall(r"[^\n]*\n|[^\n]+", table)
        begin, end = self.marks
        others, own = [], []
        for line, is_within in zip(lines, _find_lines_within(lines, begin, end), strict=True):
            text = line.removesuffix("\n")
            if is_within and self._find_name(text):
                own.append(text)
            elif text not in (begin, end):
                others.append(line)
        return others, own

    def read_lines(self, table: str) -> dict[str, str]:
        """Return this project's lines by the name of their schedule; that of the check for alerts is `ALERT_CHECK`."""
        return {self._find_name(line): line for line in self.split_table(table)[1]}

    def replace_lines(self, table: str, lines: Mapping[str, str]) -> str:
        """Return the crontab with these lines as the project's block, or without a block if there are no lines."""
        others = "".join(self.split_table(table)[0])
        if not lines:
            return others
        # Otherwise the first mark would continue the last line.
        if others and not others.endswith("\n"):
            others += "\n"
        begin, end = self.marks
        return others + "\n".join([begin, *lines.values(), end]) + "\n"

    def _find_name(self, line: str) -> str:
        """Return the name of this project's line; empty if the line is not one of them."""
        words = _split_words(line)
        if not any(Path(word).name == "standpipe" for word in words):
            return ""
        projects = {after for word, after in itertools.pairwise(words) if word == "--project"}
        # Even within quotes, a % for cron is written as `\%` here.
        if not projects <= {str(self.root), str(self.root).replace("%", r"\%")}:
            return ""
        environments = {after for word, after in itertools.pairwise(words) if word == "--environment"}
        if self.environment and not environments <= {self.environment}:
            return ""
        if words[-3:-1] == ["schedule", "run"]:
            return words[-1]
        return ALERT_CHECK if words[-3:] == [*ALERT_CHECK.split(), "--quiet"] else ""


def _find_lines_within(lines: Sequence[str], begin: str, end: str) -> list[bool]:
    """Return for each line whether it is between the marks. A lost mark counts as the next mark or the table's end."""
    texts = [line.removesuffix("\n") for line in lines]
    within = [False] * len(lines)
    start = 0
    for at, text in [*enumerate(texts), (len(texts), _MARKS[1])]:
        if not text.startswith(_MARKS):
            continue
        if text == end or (start and texts[start - 1] == begin):
            within[start:at] = [True] * (at - start)
        start = at + 1
    return within


def _split_words(line: str) -> list[str]:
    """Return the words of a line as the shell splits them; none if the shell could not."""
    try:
        return shlex.split(line)
    except ValueError:
        return []


def build_cron_line(interval: str, command: Sequence[str]) -> str:
    """Return a line that runs a command, with any characters in its words.

    Raises:
        ConsoleError: a word has a line break, which a crontab cannot express.
    """
    text = shlex.join(command)
    if "\n" in text:
        raise ConsoleError("A crontab cannot run a command whose path contains a line break: move the project.")
    # In a crontab, % is a line break unless it is escaped; see crontab(5).
    return f"{interval} {text.replace('%', chr(92) + '%')}"


def read_table() -> str:
    """Return the user's crontab; empty if there is none.

    Raises:
        ConsoleError: there is no crontab command, or it fails, so the table must not be replaced.
    """
    result = _run_crontab("-l")
    if result.returncode == 0:
        return result.stdout.decode("utf-8", "surrogateescape")
    if _NO_CRONTAB.search(result.stderr.decode("utf-8", "surrogateescape")):
        return ""
    raise ConsoleError(
        f"`crontab -l` failed ({_find_reason(result)}): the crontab is left as it is. Correct that, and try again."
    )


def write_table(table: str) -> None:
    """Replace the user's crontab, or remove it if the new one is empty.

    Raises:
        ConsoleError: crontab rejects it.
    """
    result = _run_crontab("-", stdin=table) if table.strip() else _run_crontab("-r")
    if result.returncode:
        raise ConsoleError(f"`crontab` rejects the table ({_find_reason(result)}): the crontab is left as it is.")


def has_crontab() -> bool:
    """Return whether this machine has the command `crontab`."""
    return shutil.which("crontab") is not None


def is_daemon_running() -> bool:
    """Return whether any cron runs on this machine."""
    return any(
        process.info["name"] in DAEMONS
        or (process.info["name"] == "busybox" and "crond" in (process.info["cmdline"] or [])[:2])
        for process in psutil.process_iter(["name", "cmdline"])
    )


def _run_crontab(argument: str, stdin: str | None = None) -> subprocess.CompletedProcess[bytes]:
    executable = shutil.which("crontab")
    if executable is None:
        raise ConsoleError(
            "There is no `crontab` on this machine: install cron (`apt-get install cron`), or give the line that "
            "`schedule show` prints to the scheduler that you have."
        )
    # The output is bytes, as lines may have any encoding, and messages are in English.
    content = None if stdin is None else stdin.encode("utf-8", "surrogateescape")
    return subprocess.run(  # noqa: S603
        [executable, argument], input=content, capture_output=True, env={**os.environ, "LC_ALL": "C"}, check=False
    )


def _find_reason(result: subprocess.CompletedProcess[bytes]) -> str:
    lines = result.stderr.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), f"exit code {result.returncode}")
