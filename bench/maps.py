"""Runs a map over an input and measures it, for the benchmarks of both maps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast


@dataclass
class Ran:
    """One run: seconds of reading and of sending, peak memory in MB, the number of sent records, and the last STATE."""

    reading: float
    sending: float
    peak: float
    records: int
    state: dict[str, Any]


def line(kind: str, **parts: Any) -> bytes:
    """Return a Singer message as a line."""
    return json.dumps({"type": kind, **parts}, separators=(",", ":")).encode() + b"\n"


def run(command: str, folder: Path, source: Path, **settings: Any) -> Ran:
    """Run the map over a file through a pipe."""
    config, sent = folder / "config.json", folder / "sent"
    config.write_text(json.dumps({"store_dir": str(folder / "stores"), **settings}))
    with sent.open("wb") as output, (folder / "log").open("wb") as log, source.open("rb") as file:
        started = time.monotonic()
        process = subprocess.Popen(
            [Path(sys.executable).with_name(command), "--config", config],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=log,
        )
        pipe = cast("IO[bytes]", process.stdin)
        shutil.copyfileobj(file, pipe)
        pipe.close()
        ended = time.monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "log").read_text())
    return Ran(ended - started, time.monotonic() - ended, usage.ru_maxrss / 1024, *read_sent(sent))


def read_sent(sent: Path) -> tuple[int, dict[str, Any]]:
    """Return the number of sent records, and the STATE after them."""
    records, last = 0, b""
    with sent.open("rb") as file:
        for last in file:
            records += last.startswith(b'{"type":"RECORD"')
    return records, json.loads(last)["value"]


def row(what: str, figure: str, limit: str, *, holds: bool) -> None:
    """Print one row of the table."""
    print(f"| {what} | {figure} | {limit} | {'yes' if holds else 'no'} |", flush=True)
