"""Measures what `standpipe run` adds to a bare `meltano run`: seconds, seconds of a processor, and memory.

    python bench/run_overhead.py

Both run the billing sync over customers of whom nothing changed, in turns. Memory is the peak of the whole tree of
processes; pages that processes share count in part. What an Airflow task adds is printed by `make scale`.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from bench.meltano_project import MELTANO, BenchProject, open_project
else:  # as a script, `bench` itself is on the path
    from meltano_project import MELTANO, BenchProject, open_project

CUSTOMERS, TIMES = 500, 3


class Cost(NamedTuple):
    """What a run costs: seconds by the clock, seconds of a processor, and MB."""

    seconds: float
    processor: float
    peak: float


def measure(project: BenchProject, command: list[str]) -> Cost:
    """Run a command to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(
        command, cwd=project.root, env=project.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, read_memory(process.pid))
        time.sleep(0.1)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {process.returncode}")
    return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak)


def read_memory(pid: int) -> float:
    """Return the memory of a process and all that it has started, in MB."""
    total = 0.0
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for one in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):
                total += one.memory_full_info().pss / 1e6
    return total


def main() -> None:
    """Print a table."""
    with open_project(customers=CUSTOMERS) as project:
        commands = {
            "meltano run": [str(MELTANO), "run", "tap-chargebee", "map", "target-intercom"],
            "standpipe run": [*project.console, "run", "sync"],
        }
        measure(project, commands["standpipe run"])
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(TIMES):
            for name, command in commands.items():
                costs[name].append(measure(project, command))
    print("| what | measured |\n|---|---|")
    for name, ran in costs.items():
        seconds, processor, peak = (statistics.median(figures) for figures in zip(*ran, strict=True))
        figure = f"{seconds:.1f} s, {processor:.1f} s of a processor, {peak:.0f} MB at the peak"
        print(f"| `{name}` over {CUSTOMERS} customers, nothing changed | {figure} |")


if __name__ == "__main__":
    main()
