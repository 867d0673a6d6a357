"""Several commands of Meltano in one process.

Meltano needs about a second of processor time to start, but a command such as `config print` only a few hundredths.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Runs in Meltano's own Python: takes the commands as JSON, and prints what each of them printed as JSON.
_SCRIPT = """
import io, json, sys
from contextlib import redirect_stdout
from meltano.cli import cli
printed = []
for arguments in json.load(sys.stdin):
    output = io.StringIO()
    with redirect_stdout(output):
        cli.main(arguments, standalone_mode=False, obj={"project": None})
    printed.append(output.getvalue())
json.dump(printed, sys.stdout)
"""


def find_python(executable: Path) -> Path | None:
    """Return the Python of Meltano's executable; None if its first line does not name one."""
    try:
        first_line, _, script = executable.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        return None
    python = Path(first_line.removeprefix("#!"))
    return python if "meltano.cli" in script and python.name.startswith("python") and python.exists() else None


def run_batch(
    executable: Path, commands: Sequence[Sequence[str]], folder: Path, env: Mapping[str, str]
) -> list[str] | None:
    """Run independent commands, and return the output of each.

    Args:
        executable: Meltano.
        commands: the arguments of each command.
        folder: the folder of the project.
        env: the environment of the process.

    Returns:
        None when one of them failed, or this Meltano cannot run several: run each by itself to see the error.
    """
    python = find_python(executable)
    if python is None:
        return None
    ended = subprocess.run(  # noqa: S603
        [str(python), "-c", _SCRIPT],
        cwd=folder,
        env=dict(env),
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        return None
    printed: list[str] = json.loads(ended.stdout)
    return printed
