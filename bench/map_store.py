"""Compares the two kinds of store of map-subscriptions, SQLite and PostgreSQL, in one run.

    python bench/map_store.py [in] [memory] [changed]

`in`: records per second until all are stored; `memory`: the peak of memory over 300,000 invoices; `changed`: seconds of
a whole run over 100 changed customers, with 10,000 and with 1,000,000 in the store. What PostgreSQL needs after the end
of the input, beyond what SQLite needs, counts as reading. The server is the one of `TEST_POSTGRES_URL`, or an installed
one that this script starts; without any, nothing is measured.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

from map_stores import Databases
from postgres import is_available, start_server
from standpipe_maps.store_places import open_place
from standpipe_maps.subscriptions.rules import compute_match_value
from standpipe_maps.subscriptions.store import BillingStore
from standpipe_maps.subscriptions.tables import FORM

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.map_subscriptions import COMMAND, SECOND, business, write
    from bench.maps import row, run
else:  # as a script, `bench` itself is on the path
    from map_subscriptions import COMMAND, SECOND, business, write
    from maps import row, run

#: The limits: of SQLite's records per second, MB, and of the seconds with few customers.
SHARE, MEMORY, FACTOR = 0.4, 250, 1.5
FEW, MANY, CHANGED, TIMES = 10_000, 1_000_000, 100, 3
BATCH = 5000


def measure_in(databases: Databases) -> None:
    """Measure the records per second that are read and stored."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = write(folder / "input", business(range(20_000), 3))
        ran = run(COMMAND, folder, folder / "input")
        shutil.rmtree(folder / "stores")
        other = run(COMMAND, folder, folder / "input", store_url=databases.take())
    sqlite = count / ran.reading
    postgres = count / (other.reading + max(0, other.sending - ran.sending))
    row(f"{count:,} records in, SQLite", f"{sqlite:,.0f} records/s", "-", holds=True)
    share = postgres / sqlite
    what = f"{count:,} records in, PostgreSQL"
    row(what, f"{postgres:,.0f} records/s, {share:.2f} of SQLite's", f">= {SHARE}", holds=share >= SHARE)


def measure_memory(databases: Databases) -> None:
    """Measure the peak of memory with a store in PostgreSQL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peaks = []
        for invoices in (1, 10):
            write(folder / "input", business(range(30_000), invoices))
            peaks.append(run(COMMAND, folder, folder / "input", store_url=databases.take()).peak)
    figure = f"{peaks[1]:.0f} MB, and {peaks[0]:.0f} MB over 30,000"
    row("300,000 invoices, PostgreSQL, peak of memory", figure, f"< {MEMORY} MB", holds=peaks[1] < MEMORY)


def measure_changed(databases: Databases) -> None:
    """Measure a run over 100 customers with few and with many in the store."""
    for label, take in {"SQLite": lambda: None, "PostgreSQL": databases.take}.items():
        few, many = (time_changed(take(), customers) for customers in (FEW, MANY))
        what = f"{CHANGED} changed of {MANY:,} customers, {label} (`resend: changed`)"
        figure = f"{many:.1f} s, and {few:.1f} s of {FEW:,}"
        row(what, figure, f"<= {FACTOR} of it", holds=many <= few * FACTOR)


def time_changed(url: str | None, customers: int) -> float:
    """Return the seconds of a run over 100 customers, the median of some."""
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name), Path(name) / "input"
        settings: dict[str, Any] = {"resend": "changed", **({"store_url": url} if url else {})}
        write(source, business(range(CHANGED), 0))
        ran = run(COMMAND, folder, source, **settings)
        fill(url, folder / "stores", range(CHANGED, customers))
        times = []
        for version in range(1, TIMES + 1):
            write(source, business(range(CHANGED), 0, version=version), ran.state)
            ran = run(COMMAND, folder, source, **settings)
            if ran.records != CHANGED:
                raise RuntimeError(f"{ran.records} records instead of {CHANGED}")
            times.append(ran.reading + ran.sending)
    return statistics.median(times)


def fill(url: str | None, folder: Path, numbers: range) -> None:
    """Add customers with a subscription to the only store, as if the last run had read them."""
    place = open_place(url, folder, FORM)
    (name,) = place.list_names()
    with place.open_store(name) as store:
        store.begin()
        billing = BillingStore(store, 1, lambda one: compute_match_value(one, "email", "email"))
        for start in range(numbers.start, numbers.stop, BATCH):
            some = range(start, min(start + BATCH, numbers.stop))
            billing.keep_customers("customers", [customer(one) for one in some])
            billing.keep_subscriptions("subscriptions", [subscription(one) for one in some])
        billing.forget_arrived()
        billing.count_customers()
        store.prepare_queries()
        store.commit()


def customer(number: int) -> bytes:
    """Return a small customer."""
    made = {"created_at": SECOND, "updated_at": SECOND, "resource_version": SECOND * 1000}
    return json.dumps({"id": f"small{number:07}", "email": f"{number}@example.com", **made}).encode()


def subscription(number: int) -> bytes:
    """Return its subscription."""
    made = {"created_at": SECOND, "updated_at": SECOND, "resource_version": SECOND * 1000}
    known = {"id": f"smalls{number:07}", "customer_id": f"small{number:07}", "status": "active", "mrr": 900}
    return json.dumps({**known, **made, "currency_code": "USD", "plan_id": "basic"}).encode()


MEASUREMENTS: dict[str, Callable[[Databases], None]] = {
    "in": measure_in,
    "memory": measure_memory,
    "changed": measure_changed,
}

if __name__ == "__main__":
    if not is_available():
        print("PostgreSQL: not installed, so nothing was measured")
        sys.exit()
    print("| what | measured | limit | holds |\n|---|---|---|---|")
    with start_server() as server:
        found = Databases(server)
        for chosen in sys.argv[1:] or MEASUREMENTS:
            MEASUREMENTS[chosen](found)
            found.empty()
        found.drop()
