"""The project's block in a crontab. All other lines stay as they are."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_console.errors import ConsoleError
from standpipe_console.schedules import crontab, schedules
from standpipe_console.schedules.crontab import Block, build_cron_line
from standpipe_console.schedules.schedules import Schedule

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

BLOCK = Block(Path("/srv/stand pipe"))
OTHER = Block(Path("/srv/stand pipe 2"))
LINES = {"sync-every-6h": "0 */6 * * * /x/standpipe schedule run sync-every-6h"}
TABLES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs", "Zl", "Zp", "Cc"]))).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


def test_a_block_stands_between_its_marks() -> None:
    """The block follows the existing lines, which do not change."""
    assert BLOCK.replace_lines("MAILTO=me\n0 1 * * * backup\n", LINES) == (
        "MAILTO=me\n"
        "0 1 * * * backup\n"
        "# standpipe begin /srv/stand pipe\n"
        "0 */6 * * * /x/standpipe schedule run sync-every-6h\n"
        "# standpipe end /srv/stand pipe\n"
    )


@given(TABLES)
def test_putting_twice_is_putting_once_and_removing_leaves_the_rest(table: str) -> None:
    """This holds for any other lines in a crontab."""
    once = BLOCK.replace_lines(table, LINES)
    assert BLOCK.replace_lines(once, LINES) == once
    assert BLOCK.read_lines(once) == LINES
    assert BLOCK.replace_lines(once, {}) == table


def test_two_projects_do_not_touch_each_other() -> None:
    """A project does not own the block of a folder whose name starts with its own folder's name."""
    both = OTHER.replace_lines(BLOCK.replace_lines("", LINES), LINES)
    assert OTHER.read_lines(BLOCK.replace_lines(both, {})) == LINES
    assert BLOCK.read_lines(BLOCK.replace_lines(both, {})) == {}


OURS = "0 */6 * * * '/srv/stand pipe/x/standpipe' --project '/srv/stand pipe' schedule run sync-every-6h"
THEIRS = "0 */6 * * * /x/standpipe --project '/srv/stand pipe 2' schedule run sync-every-6h"
BEGIN, END = "# standpipe begin /srv/stand pipe", "# standpipe end /srv/stand pipe"
BEGIN_2, END_2 = "# standpipe begin /srv/stand pipe 2", "# standpipe end /srv/stand pipe 2"


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        ([BEGIN, OURS, "0 1 * * * backup"], ["0 1 * * * backup"]),
        ([BEGIN, OURS, "", "MAILTO=me", "# hm", "0 1 * * * it's"], ["", "MAILTO=me", "# hm", "0 1 * * * it's"]),
        (["MAILTO=me", OURS, END, "0 1 * * * backup"], ["MAILTO=me", "0 1 * * * backup"]),
        ([BEGIN, OURS, "0 1 * * * backup", END], ["0 1 * * * backup"]),
        ([BEGIN, OURS, BEGIN_2, THEIRS, END_2, "0 1 * * * backup"], [BEGIN_2, THEIRS, END_2, "0 1 * * * backup"]),
        ([BEGIN, OURS, BEGIN_2, THEIRS, "0 1 * * * backup"], [BEGIN_2, THEIRS, "0 1 * * * backup"]),
        ([BEGIN, OURS, BEGIN, OURS, END], []),
        ([BEGIN, OURS, END, "0 1 * * * backup", BEGIN, OURS, END], ["0 1 * * * backup"]),
        ([BEGIN, "0 1 * * * rm /x/standpipe", THEIRS], ["0 1 * * * rm /x/standpipe", THEIRS]),
        ([f"{OURS} # by hand", "0 1 * * * backup"], [f"{OURS} # by hand", "0 1 * * * backup"]),
        ([OURS, "0 1 * * * backup"], [OURS, "0 1 * * * backup"]),
    ],
    ids=[
        "end lost", "end lost, odd lines", "begin lost", "a line of somebody's within", "end lost, another project",
        "both ends lost", "begun twice", "two blocks", "lines that only look like ours", "put in by hand, changed",
        "put in by hand",
    ],
)  # fmt: skip
def test_lost_marks_cost_nobody_a_line(table: list[str], kept: list[str]) -> None:
    """Without a mark, only lines next to the other mark that run this project's schedules belong to the block."""
    text = "".join(f"{line}\n" for line in table)
    assert BLOCK.replace_lines(text, {}) == "".join(f"{line}\n" for line in kept)
    mended = BLOCK.replace_lines(text, {"sync-every-6h": OURS})
    assert mended == "".join(f"{line}\n" for line in [*kept, BEGIN, OURS, END])
    assert BLOCK.replace_lines(mended, {"sync-every-6h": OURS}) == mended


@pytest.mark.parametrize("root", ["/srv/100%", "/srv/a b%c", r"/srv/a\%b", "/srv/it's"])
def test_a_project_knows_its_own_lines_whatever_its_path(root: str) -> None:
    """The path is recognised through the escapes of cron and the shell."""
    block = Block(Path(root))
    line = build_cron_line("0 1 * * *", [f"{root}/standpipe", "--project", root, "schedule", "run", "s"])
    assert block.read_lines(block.replace_lines("", {"s": line})) == {"s": line}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which the tests' own `crontab` command keeps its table, see conftest.py."""
    monkeypatch.setenv("CRONTAB_TABLE", str(tmp_path / "table"))
    return tmp_path / "table"


def test_no_test_reaches_the_crontab_of_who_runs_it(table: Path) -> None:
    """`crontab` is the tests' own command, so the user's crontab stays untouched."""
    crontab.write_table("0 1 * * * backup\n")
    assert table.read_text() == "0 1 * * * backup\n"


def test_lines_of_any_bytes_and_ends_come_through(table: Path) -> None:
    """Another encoding, carriage returns, a form feed and a last line without an end stay as they are."""
    before = b"# caf\xe9\r\n0 1 * * * a\x0cb\xe2\x80\xa8c"
    table.write_bytes(before)
    crontab.write_table(BLOCK.replace_lines(crontab.read_table(), LINES))
    assert table.read_bytes().startswith(before + b"\n# standpipe begin")
    crontab.write_table(BLOCK.replace_lines(crontab.read_table(), {}))
    assert table.read_bytes() == before + b"\n"


@pytest.mark.parametrize(
    "words",
    [
        "no crontab for ada",
        "crontab: no crontab for ada",
        "crontab: can't open 'ada': No such file or directory",
        "no fcrontab for ada",
    ],
    ids=["Vixie", "BSD", "BusyBox", "fcron"],
)
@pytest.mark.usefixtures("table")
def test_no_crontab_is_an_empty_one(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cron has its own text for a user without a crontab."""
    monkeypatch.setenv("CRONTAB_WORDS", words)
    assert crontab.read_table() == ""


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("You (ada) are not allowed to use this program", "You (ada) are not allowed to use this program"),
        ("/var/spool/cron: Input/output error", "/var/spool/cron: Input/output error"),
        ("", "exit code 1"),
    ],
    ids=["not allowed", "disk", "without a word"],
)  # fmt: skip
def test_a_crontab_that_cannot_be_read_is_never_replaced(
    words: str, reason: str, table: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    """The command stops and writes nothing, as it would lose lines that it could not read."""
    monkeypatch.setenv("CRONTAB_WORDS", words)
    with pytest.raises(ConsoleError) as error:
        schedules.write_lines(project, LINES)
    assert error.value.message == (
        f"`crontab -l` failed ({reason}): the crontab is left as it is. Correct that, and try again."
    )
    assert not table.exists()


def test_a_last_line_without_an_end_is_ended() -> None:
    """Otherwise the first mark would become part of that line."""
    assert BLOCK.replace_lines("0 1 * * * backup", LINES).startswith("0 1 * * * backup\n# standpipe begin")


@pytest.mark.parametrize("name", ["plain", "with space", "50%", "it's", 'a "quoted" $HOME `x`', "ü"])
def test_a_line_runs_its_command_whatever_the_path(name: str, tmp_path: Path) -> None:
    """Each argument survives cron's treatment of `%` and the shell's quoting."""
    folder = tmp_path / name
    folder.mkdir()
    line = build_cron_line("* * * * *", ["printf", r"%s\n", str(folder)])
    command = line.removeprefix("* * * * * ").replace(r"\%", "%")
    done = subprocess.run(["/bin/sh", "-c", command], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{folder}\n"
    assert "%" not in line.replace(r"\%", "")


def test_a_line_break_in_a_path_is_refused() -> None:
    """A crontab cannot express a line break."""
    with pytest.raises(ConsoleError, match="line break"):
        build_cron_line("* * * * *", ["/a\nb"])


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
    """The next run follows a fixed time. There is none for an interval that cron does not have."""
    assert Schedule("s", "sync", interval).find_next_run(datetime(2026, 3, 1, 12, 1, tzinfo=UTC)) == expected
