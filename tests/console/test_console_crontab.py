"""The block in a crontab: whatever else stands there stays as it is."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_console.crontab import Block, cron_line
from standpipe_console.errors import ConsoleError
from standpipe_console.schedule import Schedule

BLOCK = Block(Path("/srv/stand pipe"))
OTHER = Block(Path("/srv/stand pipe 2"))
LINES = {"sync-every-6h": "0 */6 * * * /x/standpipe schedule run sync-every-6h"}
TABLES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs", "Zl", "Zp", "Cc"]))).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


def test_a_block_stands_between_its_marks() -> None:
    """After what is there, which is left as it is."""
    assert BLOCK.put("MAILTO=me\n0 1 * * * backup\n", LINES) == (
        "MAILTO=me\n"
        "0 1 * * * backup\n"
        "# standpipe begin /srv/stand pipe\n"
        "0 */6 * * * /x/standpipe schedule run sync-every-6h\n"
        "# standpipe end /srv/stand pipe\n"
    )


@given(TABLES)
def test_putting_twice_is_putting_once_and_removing_leaves_the_rest(table: str) -> None:
    """Whatever others have in their crontab."""
    once = BLOCK.put(table, LINES)
    assert BLOCK.put(once, LINES) == once
    assert BLOCK.lines(once) == LINES
    assert BLOCK.put(once, {}) == table


def test_two_projects_do_not_touch_each_other() -> None:
    """A project whose folder's name begins with another's is another."""
    both = OTHER.put(BLOCK.put("", LINES), LINES)
    assert OTHER.lines(BLOCK.put(both, {})) == LINES
    assert BLOCK.lines(BLOCK.put(both, {})) == {}


def test_a_last_line_without_an_end_is_ended() -> None:
    """Else the first mark would be a part of it."""
    assert BLOCK.put("0 1 * * * backup", LINES).startswith("0 1 * * * backup\n# standpipe begin")


@pytest.mark.parametrize("name", ["plain", "with space", "50%", "it's", 'a "quoted" $HOME `x`', "ü"])
def test_a_line_runs_its_command_whatever_the_path(name: str, tmp_path: Path) -> None:
    """Through cron's own reading of % and the shell's of everything else, each word arrives as it was."""
    folder = tmp_path / name
    folder.mkdir()
    line = cron_line("* * * * *", ["printf", r"%s\n", str(folder)])
    command = line.removeprefix("* * * * * ").replace(r"\%", "%")
    done = subprocess.run(["/bin/sh", "-c", command], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{folder}\n"
    assert "%" not in line.replace(r"\%", "")


def test_a_line_break_in_a_path_is_refused() -> None:
    """A crontab has no way to write it."""
    with pytest.raises(ConsoleError, match="line break"):
        cron_line("* * * * *", ["/a\nb"])


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("0 */6 * * *", datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 3, 1, 12, 15, tzinfo=UTC)),
        ("0 9 * * 1", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        ("@once", None),
    ],
)
def test_the_next_run_is_reckoned_as_cron_does(interval: str, expected: datetime | None) -> None:
    """From an instant that is given; never for what is none of cron's intervals."""
    assert Schedule("s", "sync", interval).next_run(datetime(2026, 3, 1, 12, 1, tzinfo=UTC)) == expected
