"""The console starts Meltano only once for several commands that only read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from standpipe_console.project.command_batch import find_python
from standpipe_console.project.meltano import LIST_SCHEDULES, build_settings_command
from standpipe_console.project.stores import build_state_command

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project

SETTINGS = build_settings_command("map-leads")
#: Two replacements for Meltano's executable that record their arguments.
SHELL = '#!/bin/sh\n# meltano.cli\necho "$*" >> calls\necho "{}"\n'
PYTHON = f'#!{sys.executable}\n# meltano.cli\nimport sys\nprint(*sys.argv, file=open("calls", "a"))\nprint("{{}}")\n'


def put_meltano(project: Project, text: str) -> None:
    """Make this script a project's Meltano."""
    script = project.system_dir / "run/bin"
    script.parent.mkdir(parents=True)
    script.write_text(text)
    script.chmod(0o755)


def test_one_process_answers_several_commands(project: Project) -> None:
    """The executable, which refuses every command here, only says in which Python Meltano runs."""
    put_meltano(project, f"#!{sys.executable}\nfrom meltano.cli import main\nraise SystemExit(3)\n")
    project.dotenv.set_value("MAP_LEADS_STORE_NAME", "fixed")
    project.run_ahead([SETTINGS, build_state_command("prod:nothing-to-nothing"), LIST_SCHEDULES])
    assert project.get_settings("map-leads")["store_name"] == "fixed"
    assert not project.read_json(*build_state_command("prod:nothing-to-nothing"))
    assert [one["name"] for one in project.job_schedules] == ["sync-every-6h", "leads-every-15m"]


@pytest.mark.parametrize(
    ("script", "commands"),
    [(SHELL, [SETTINGS, LIST_SCHEDULES]), (PYTHON, [SETTINGS, ("config", "print", "nobody")])],
    ids=["not a Python", "one command fails"],
)
def test_what_cannot_be_answered_at_once_is_asked_for_one_by_one(
    project: Project, script: str, commands: list[tuple[str, ...]]
) -> None:
    """If the batch fails, each command runs alone, with its own output and its own error."""
    put_meltano(project, script)
    project.run_ahead(commands)
    assert not (project.root / "calls").exists()
    assert project.read_json(*SETTINGS) == {}
    assert (project.root / "calls").read_text().endswith(f"{' '.join(SETTINGS)}\n")


def test_the_python_of_meltano_stands_in_the_first_line_of_its_executable(tmp_path: Path) -> None:
    """For another script, a first line with a shell, or a missing file, the result is None."""
    script = tmp_path / "meltano"
    assert find_python(script) is None
    script.write_text(f"#!{sys.executable}\nfrom meltano.cli import main\n")
    assert str(find_python(script)) == sys.executable
    for text in (f"#!{sys.executable}\n", "#!/bin/sh\nfrom meltano.cli import main\n", "#!/no/python\nmeltano.cli\n"):
        script.write_text(text)
        assert find_python(script) is None
