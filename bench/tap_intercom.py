"""Measures tap-intercom beside the `tap-intercom` 2.2.5 of PyPI: same machine, same data, alternating runs.

    uv run python bench/tap_intercom.py                    # contacts, companies, conversations, at 0 and 150 ms
    uv run python bench/tap_intercom.py --calls            # calls for 20,000 contacts and 5,000 companies
    uv run python bench/tap_intercom.py --contacts 200000  # peak memory, ours alone

The other one is installed into an environment of its own under a temporary folder; its client-side throttle is lifted
and its address redirected. Both speak to a server that answers out of memory, so that what is measured is the tap.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from multiprocessing import Process, Queue
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.request import urlopen

if TYPE_CHECKING:
    from bench.intercom_server import serve
else:  # as a script, `bench` itself is on the path
    from intercom_server import serve

PEER = "tap-intercom==2.2.5"
OURS = [str(Path(sys.executable).with_name("tap-intercom"))]
REDIRECTED = Path(__file__).parents[1] / "tests" / "conformance" / "redirected.py"
VENDOR = "https://api.intercom.io"
MEASURED: tuple[tuple[tuple[str, ...], float, dict[str, int]], ...] = (
    (("contacts",), 0.0, {"contacts": 20_000}),
    (("contacts",), 0.15, {"contacts": 20_000}),
    (("companies",), 0.0, {"companies": 5_000}),
    (("companies",), 0.15, {"companies": 5_000}),
    (("conversations", "conversation_parts"), 0.15, {"conversations": 400}),
)
"""Streams, latency and sizes of each comparison."""


def main() -> None:
    """Run what the command line asks for, and print a table for the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, help="peak memory with so many contacts")
    parser.add_argument("--calls", action="store_true", help="the calls of a first run for leads")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.contacts:
            alone(Path(folder), {"contacts": options.contacts}, ("contacts",), 0.0)
        elif options.calls:
            alone(Path(folder), {"contacts": 20_000, "companies": 5_000}, ("companies", "contacts"), 0.15)
        else:
            beside(Path(folder), options.runs)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def beside(folder: Path, runs: int) -> None:
    """Measure the records per second of both taps, in turn. The best of several runs counts."""
    peer = environment(folder / "peer")
    print("| streams | latency | tap | records/s | calls | peak memory |\n|---|---|---|---|---|---|")
    for streams, latency, sizes in MEASURED:
        with Site(sizes, latency=latency) as site:
            found: dict[str, list[dict[str, float]]] = {"ours": [], PEER: []}
            for _ in range(runs if latency == 0 else 1):
                found["ours"].append(run(ours(folder, site.url, streams), site.url, folder))
                found[PEER].append(run(theirs(folder, peer, site.url, streams), site.url, folder))
            for name, measured in found.items():
                best = max(measured, key=lambda one: one["rate"])
                row = f"{best['rate']:,.0f} | {best['calls']:.0f} | {best['memory']:.0f} MB"
                print(f"| {', '.join(streams)} | {latency * 1000:.0f} ms | {name} | {row} |", flush=True)


def alone(folder: Path, sizes: dict[str, int], streams: tuple[str, ...], latency: float) -> None:
    """Measure a run of this tap over this many records."""
    with Site(sizes, latency=latency) as site:
        found = run(ours(folder, site.url, streams), site.url, folder)
    print(
        f"{sizes} at {latency * 1000:.0f} ms: {found['calls']:.0f} calls, {found['seconds']:.1f} s, "
        f"{found['rate']:,.0f} records/s, {found['memory']:.0f} MB at most"
    )


class Site:
    """A server of records in a separate process."""

    def __init__(self, sizes: dict[str, int], *, latency: float = 0.0) -> None:
        ready: Queue[int] = Queue()
        self._process = Process(target=serve, args=(sizes, latency, ready), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{ready.get()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def environment(folder: Path) -> Path:
    """Return the interpreter of an environment with the other tap."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stderr=subprocess.DEVNULL)
    return python


def ours(folder: Path, url: str, streams: tuple[str, ...]) -> list[str]:
    """Return the command line that starts this tap over some streams."""
    config = written(folder / "ours.json", {"access_token": "token", "api_url": url})
    found = json.loads(subprocess.run([*OURS, "--discover"], check=True, capture_output=True).stdout)
    return [*OURS, "--config", config, "--catalog", written(folder / "our-catalog.json", selected(found, streams))]


def theirs(folder: Path, python: Path, url: str, streams: tuple[str, ...]) -> list[str]:
    """Return the command line that starts the other tap over the same streams."""
    given = {"access_token": "token", "user_agent": "bench", "start_date": "2015-01-01T00:00:00Z"}
    config = written(folder / "theirs.json", given)
    words = [str(python), str(REDIRECTED), "tap_intercom", VENDOR, url, "--config", config]
    found = json.loads(subprocess.run([*words, "--discover"], check=True, capture_output=True).stdout)
    return [*words, "--catalog", written(folder / "their-catalog.json", selected(found, streams))]


def selected(catalog: dict[str, Any], streams: tuple[str, ...]) -> dict[str, Any]:
    """Return a catalog that selects the streams with all their fields."""
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] in streams]
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = True
    return catalog


def written(path: Path, value: object) -> str:
    """Write a value to a file as JSON, and return its path."""
    path.write_text(json.dumps(value))
    return str(path)


def run(words: list[str], url: str, folder: Path) -> dict[str, float]:
    """Run a tap to its end, and measure it."""
    calls_made(url)
    output, log = folder / "output.jsonl", folder / "log.txt"
    with output.open("wb") as out, log.open("wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(words, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{words[0]} failed:\n{log.read_text()[-2000:]}")
    with output.open("rb") as lines:
        records = sum(b'"RECORD"' in line[:80] for line in lines)
    rate, memory = records / seconds, usage.ru_maxrss / 1024
    return {"rate": rate, "seconds": seconds, "calls": calls_made(url), "memory": memory}


def calls_made(url: str) -> int:
    """Return the number of calls since the last request for it."""
    with urlopen(f"{url}/calls") as answer:
        return int(answer.read())


if __name__ == "__main__":
    main()
