"""Runs all benchmarks in this folder and collects their output in one table.

    python bench/gather.py [--into bench/RESULTS.md] [SCRIPT.py ...]

A benchmark prints a Markdown table, or lines of the form `what: figure` or `what   figure`. With names of scripts,
only these run, and their rows replace the earlier ones in the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BENCH = Path(__file__).parent
HEAD = "| part | what was measured | result | command | when (UTC) | load before |\n|---|---|---|---|---|---|\n"
#: Scripts that measure nothing: this one, and the calculation of costs.
NONE = {"gather.py", "costs.py"}
RULE = re.compile(r"[|\s:-]+")


def scripts() -> list[Path]:
    """List the benchmarks by name: all scripts in this folder that can be started."""
    return [path for path in sorted(BENCH.glob("*.py")) if path.name not in NONE and "__main__" in path.read_text()]


def machine() -> str:
    """Describe the machine that runs the benchmarks."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = model[1] if model else platform.processor()
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{name}, {cores} cores, {memory:.0f} GiB, {system}"


def measured(script: Path) -> list[str]:
    """Run a benchmark and return its rows."""
    when, load = datetime.now(UTC), os.getloadavg()[0]
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script.name} failed:\n{done.stderr[-2000:]}")
    print(done.stdout, end="", flush=True)
    command = f"`python bench/{script.name}`"
    return [
        f"| {script.stem} | {what} | {result} | {command} | {when:%Y-%m-%d %H:%M} | {load:.1f} |"
        for what, result in rows(done.stdout.splitlines())
    ]


def rows(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a name and a figure for each line that a benchmark printed."""
    headings: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if RULE.fullmatch(line):
                continue
            if not headings:
                headings = cells
                continue
            what, *rest = cells
            yield what, "; ".join(f"{name} {cell}" for name, cell in zip(headings[1:], rest, strict=True))
        else:
            headings = []
            parts = line.rsplit(": ", 1) if ": " in line else re.split(r"\s{2,}", line, maxsplit=1)
            yield parts[0] if len(parts) > 1 else "-", parts[-1]


def kept(path: Path, chosen: Sequence[Path]) -> list[str]:
    """Return the rows of the existing table that belong to other scripts."""
    if not path.exists():
        return []
    stems = {script.stem for script in chosen}
    lines = [
        line for line in path.read_text().splitlines() if line.startswith("| ") and not line.startswith("| part |")
    ]
    return [line for line in lines if line.split("|")[1].strip() not in stems]


def document(table: Sequence[str]) -> str:
    """Return the complete document."""
    told = f"# What was measured\n\n`make bench` makes this table. The machine: {machine()}.\n\n"
    note = "A load before above 0 means that other work ran at the same time. An idle machine is faster.\n\n"
    return told + note + HEAD + "\n".join(sorted(table)) + "\n"


def main() -> None:
    """Run the benchmarks and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=BENCH / "RESULTS.md")
    parser.add_argument("scripts", nargs="*", help="names of benchmarks, such as map_subscriptions.py")
    given = parser.parse_args()
    chosen = [BENCH / name for name in given.scripts] or scripts()
    table = kept(given.into, chosen)
    for script in chosen:
        table += measured(script)
        given.into.write_text(document(table))


if __name__ == "__main__":
    main()
