"""Calculates what a sync costs: the number of calls, and how long they take on each vendor's plan.

    python bench/costs.py [--into docs/limits.md]

The calls per record are those that the tests assert, see the READMEs of the plugins.
"""

from __future__ import annotations

import sys
from pathlib import Path

SIZES = {"1,000": 1_000, "100,000": 100_000, "10,000,000": 10_000_000}
#: Records per customer: the customer, its subscriptions and its invoices.
ROWS = 1 + 1.1 + 6
#: The share of rows or customers that changes between two runs.
CHANGED = 0.01
PAGE, SPREAD = 100, 1.05
CONTACTS_PAGE = 150
CHARTMOGUL_PAGE, PEOPLE = 200, 5
PLANS = {
    "Chargebee, test site or Starter: 150 a minute": ("chargebee", 150),
    "Chargebee, Performance: 1,000": ("chargebee", 1_000),
    "Chargebee, Enterprise: 3,500": ("chargebee", 3_500),
    "Intercom, older workspace: 1,000 a minute": ("intercom", 1_000),
    "Intercom: 10,000": ("intercom", 10_000),
    "ChartMogul: 40 a second": ("chartmogul", 2_400),
}


def chargebee(customers: int, *, first: bool) -> float:
    """Count calls to Chargebee: pages, plus one in twenty for the time ranges.

    In later syncs the changes and events.
    """
    rows = customers * ROWS
    return rows * SPREAD / PAGE if first else 4 + 2 * rows * CHANGED / PAGE


def intercom(customers: int, *, first: bool) -> float:
    """Count calls to Intercom, where all customers exist: one per 150 contacts, and one per written contact."""
    return customers / CONTACTS_PAGE + (customers if first else customers * CHANGED)


def chartmogul(companies: int, *, first: bool) -> float:
    """Count calls to ChartMogul: the list of companies and their people, and one call per written record."""
    records = companies * (1 + PEOPLE)
    return records if first else records / CHARTMOGUL_PAGE + records * CHANGED


CALLS = {"chargebee": chargebee, "intercom": intercom, "chartmogul": chartmogul}


def minutes(value: float) -> str:
    """Return a duration in a suitable unit."""
    if value < 1:
        return "under a minute"
    if value < 120:  # noqa: PLR2004 two hours
        return f"{value:,.0f} min"
    return f"{value / 60:,.0f} h" if value < 48 * 60 else f"{value / 1440:,.1f} days"


def table(*, first: bool) -> str:
    """Return a table with a line per plan, and calls and time per size."""
    lines = ["| plan | " + " | ".join(SIZES) + " |", "|---" * (len(SIZES) + 1) + "|"]
    for plan, (api, limit) in PLANS.items():
        calls = [CALLS[api](size, first=first) for size in SIZES.values()]
        cells = [f"{one:,.0f} calls, {minutes(one / limit)}" for one in calls]
        lines.append(f"| {plan} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def text() -> str:
    """Return both tables with their titles."""
    return (
        f"**First sync**, everything read and everybody written once:\n\n{table(first=True)}\n\n"
        f"**Later syncs**, {CHANGED:.0%} changed since the one before:\n\n{table(first=False)}\n"
    )


def main() -> None:
    """Print the tables, or write them between the marks of a document."""
    if "--into" not in sys.argv:
        print(text())
        return
    path = Path(sys.argv[-1])
    before, begin, rest = path.read_text().partition("<!-- costs -->\n")
    _, end, after = rest.partition("<!-- /costs -->")
    path.write_text(f"{before}{begin}{text()}{end}{after}")


if __name__ == "__main__":
    main()
