"""Measures tap-chargebee beside the `tap-chargebee` 1.7.1 of PyPI: same machine, same data, alternating runs.

    uv run python bench/tap_chargebee.py                # every row of the table in the tap's README
    uv run python bench/tap_chargebee.py --only limit   # 3,000 calls and more at 1,000 a minute, ours alone
    uv run python bench/tap_chargebee.py --only memory  # 100,000 customers, ours alone
    uv run python bench/tap_chargebee.py --only full    # 52,000 records of 3.5 KB, ours alone
    uv run python bench/tap_chargebee.py --only full --beside CHECKOUT  # in turn with another commit's checkout

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
from statistics import median
from typing import TYPE_CHECKING, Any, Self
from urllib.request import urlopen

if TYPE_CHECKING:
    from bench.chargebee_server import serve
else:  # as a script, `bench` itself is on the path
    from chargebee_server import serve

PEER = "tap-chargebee==1.7.1"
MEDIAN_OF = 5
STREAMS = ("customers", "invoices", "subscriptions")
OURS = [str(Path(sys.executable).with_name("tap-chargebee"))]
REDIRECT = """
import sys
import requests
from singer import utils

address = sys.argv.pop()
utils.ratelimit = lambda limit, every: lambda function: function
request = requests.Session.request
def redirected(self, method, url, **rest):
    return request(self, method, url.replace("https://bench.chargebee.com", address), **rest)
requests.Session.request = redirected
from tap_chargebee import main
main()
"""


def main() -> None:
    """Run what the command line asks for, and print a table for the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="one part of the table")
    parser.add_argument("--customers", type=int, default=100_000, help="for the peak memory")
    parser.add_argument("--runs", type=int, default=3, help="of each tap at 0 ms, of which the best counts")
    parser.add_argument("--beside", type=Path, help="a checkout of another commit, for `--only full`")
    options = parser.parse_args()
    print("| site | tap | records/s | calls | peak memory |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in [options.only] if options.only else PARTS:
            PARTS[name](Path(folder), options)
    print("\nLoad average of the last 1, 5 and 15 minutes: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()))


def beside(folder: Path, options: argparse.Namespace) -> None:
    """Measure the records per second of both taps, with a latency of 0 and of 150 ms per call."""
    peer = environment(folder / "peer")
    sizes = {"customers": 6_000, "subscriptions": 8_000, "invoices": 12_000}
    for latency in (0.0, 0.15):
        with Site(sizes, latency=latency) as site:
            found: dict[str, list[dict[str, float]]] = {"ours": [], PEER: []}
            for _ in range(options.runs if latency == 0 else 1):
                found["ours"].append(run(ours(folder, site.url), folder))
                found[PEER].append(run(theirs(folder, peer, site.url), folder))
        for name, measured in found.items():
            tell(f"{latency * 1000:.0f} ms per call", name, max(measured, key=lambda one: one["rate"]))


def at_a_limit(folder: Path, _: argparse.Namespace) -> None:
    """Measure the share of a limit of 1,000 calls a minute that a run with more than 3,000 calls uses."""
    with Site({"customers": 60_000, "subscriptions": 80_000, "invoices": 170_000}, limit=1000) as site:
        measured = run(ours(folder, site.url, requests_per_minute=1000), folder)
    share = measured["calls"] / (1000 * measured["seconds"] / 60)
    tell(f"1,000 calls a minute, {share:.1%} of them made", "ours", measured)


def at_any_size(folder: Path, options: argparse.Namespace) -> None:
    """Measure the peak memory of a run over this many customers."""
    with Site({"customers": options.customers, "subscriptions": 0, "invoices": 0}) as site:
        measured = run(ours(folder, site.url), folder)
    tell(f"{options.customers:,} customers, 0 ms per call", "ours", measured)


def at_full_size(folder: Path, options: argparse.Namespace) -> None:
    """Measure the peak memory over 52,000 records of 3.5 KB, and the median speed in turn with another commit."""
    commits: dict[str, dict[str, str]] = {"ours": {}}
    if options.beside:
        commits[options.beside.name] = {"PYTHONPATH": str(options.beside / "tap-chargebee")}
    sizes = {"customers": 10_000, "subscriptions": 12_000, "invoices": 30_000}
    with Site(sizes) as site:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in commits}
        for _ in range(MEDIAN_OF):
            for name, variables in commits.items():
                found[name].append(run(ours(folder, site.url), folder, **variables))
    for name, measured in found.items():
        middle = {figure: median(one[figure] for one in measured) for figure in measured[0]}
        tell(f"52,000 records, 0 ms per call, {middle['processor']:.1f} s of processor", name, middle)


PARTS = {"latency": beside, "limit": at_a_limit, "memory": at_any_size, "full": at_full_size}


def tell(site: str, tap: str, measured: dict[str, float]) -> None:
    """Print a row of the table."""
    figures = f"{measured['rate']:,.0f} | {measured['calls']:,.0f} | {measured['memory']:.0f} MB"
    print(f"| {site} | {tap} | {figures} |", flush=True)


class Site:
    """A server of records in a separate process."""

    def __init__(self, sizes: dict[str, int], *, latency: float = 0.0, limit: int | None = None) -> None:
        ready: Queue[int] = Queue()
        self._process = Process(target=serve, args=(sizes, latency, limit, ready), daemon=True)
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


def ours(folder: Path, url: str, **settings: Any) -> list[str]:
    """Return the command line that starts this tap over three streams."""
    config = written(folder / "ours.json", {"site": "bench", "api_key": "key", "api_url": f"{url}/api/v2", **settings})
    catalog = folder / "our-catalog.json"
    if not catalog.exists():
        found = json.loads(subprocess.run([*OURS, "--discover"], check=True, capture_output=True).stdout)
        written(catalog, selected(found))
    return [*OURS, "--config", config, "--catalog", str(catalog)]


def theirs(folder: Path, python: Path, url: str) -> list[str]:
    """Return the command line that starts the other tap over the same streams."""
    config = written(
        folder / "theirs.json",
        {"site": "bench", "api_key": "key", "start_date": "2015-01-01T00:00:00Z", "include_deleted": True},
    )
    script = folder / "redirected.py"
    script.write_text(REDIRECT)
    words = [str(python), str(script), "--config", config]
    catalog = folder / "their-catalog.json"
    if not catalog.exists():
        found = json.loads(subprocess.run([*words, "--discover", url], check=True, capture_output=True).stdout)
        written(catalog, selected(found))
    return [*words, "--catalog", str(catalog), url]


def selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """Return a catalog that selects the three streams with all their fields."""
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] in STREAMS]
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = True
    return catalog


def written(path: Path, value: object) -> str:
    """Write a value to a file as JSON, and return its path."""
    path.write_text(json.dumps(value))
    return str(path)


def run(words: list[str], folder: Path, **variables: str) -> dict[str, float]:
    """Run a tap to its end, and measure it."""
    output, log = folder / "output.jsonl", folder / "log.txt"
    with output.open("wb") as out, log.open("wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(words, stdout=out, stderr=err, env={**os.environ, **variables})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{words[0]} failed:\n{log.read_text()[-1000:]}")
    with output.open("rb") as lines:
        records = sum(b'"RECORD"' in line[:80] for line in lines)
    calls = calls_made(words)
    return {
        "rate": records / seconds,
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "calls": calls,
        "memory": usage.ru_maxrss / 1024,
    }


def calls_made(words: list[str]) -> int:
    """Return the number of calls since the last request for it."""
    config = json.loads(Path(words[words.index("--config") + 1]).read_text())
    base = config.get("api_url", words[-1]).removesuffix("/api/v2")
    with urlopen(f"{base}/calls") as answer:
        return int(answer.read())


if __name__ == "__main__":
    main()
