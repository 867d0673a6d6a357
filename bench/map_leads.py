"""Measures map-leads against its limits: seconds from the end of the input until everything is sent, and memory.

    python bench/map_leads.py [first] [changed] [memory]

`first`: 10,000 companies and 50,000 contacts, none of which was sent before; `changed`: the run after it, with all
companies and one contact in a hundred; `memory`: the peak over five times as many. The map is one process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.maps import line, row, run
else:  # as a script, `bench` itself is on the path
    from maps import line, row, run

COMMAND = "map-leads"
SECOND = 1_700_000_000
# The limits: seconds for the first run and for the next, MB.
FIRST, CHANGED, MEMORY = 20, 10, 250
SETTINGS = {"company_attributes": ["*"], "contact_attributes": ["*"]}
DATE = {"type": ["integer", "null"], "format": "unix-time"}
TEXT, WHOLE = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
ATTRIBUTES = {
    "companies": {"account_tier": TEXT, "seats_used": WHOLE, "trial_started_at": DATE},
    "contacts": {"csm_owner": TEXT, "nps_score": WHOLE, "renewal_call_at": DATE},
}
# Records of full size, as Intercom has them. The functions below add what differs.
COMPANY = json.loads("""
{"type": "company", "app_id": "workspace", "plan": {"type": "plan", "id": "269315", "name": "Pro"}, "size": 85,
"website": "https://www.example.com", "industry": "Manufacturing", "monthly_spend": 49, "session_count": 26,
"user_count": 5, "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "7500001", "name": "VIP"}]}, "segments":
{"type": "segment.list", "segments": [{"type": "segment", "id": "59f9a8e1f2d1c70014b5d1d1", "name": "Active"}]},
"custom_attributes": {"account_tier": "gold", "seats_used": 12, "trial_started_at": 1690000000}}
""")
CONTACT = json.loads("""
{"type": "contact", "workspace_id": "workspace", "role": "user", "email_domain": "example.com", "phone":
"+1 555 0100", "avatar": {"type": "avatar", "image_url": "https://static.example.com/avatars/12345678.png"},
"owner_id": 1234567, "social_profiles": {"type": "list", "data": [{"type": "social_profile", "name": "LinkedIn", "url":
"https://www.linkedin.com/in/example"}]}, "has_hard_bounced": false, "marked_email_as_spam": false,
"unsubscribed_from_emails": false, "last_replied_at": 1699990000, "last_contacted_at": 1699980000,
"last_email_opened_at": null, "last_email_clicked_at": null, "language_override": null, "browser": "chrome",
"browser_version": "119.0.0.0", "browser_language": "en", "os": "OS X 10.15.7", "location": {"type": "location",
"country": "Ireland", "region": "Leinster", "city": "Dublin", "country_code": "IRL", "continent_code": "EU"},
"android_app_name": null, "android_app_version": null, "android_device": null, "android_os_version": null,
"android_sdk_version": null, "android_last_seen_at": null, "ios_app_name": null, "ios_app_version": null,
"ios_device": null, "ios_os_version": null, "ios_sdk_version": null, "ios_last_seen_at": null, "utm_campaign": null,
"utm_content": null, "utm_medium": null, "utm_source": null, "utm_term": null, "referrer": null,
"enabled_push_messaging": null, "tags": {"type": "list", "data": [], "url": "/tags", "total_count": 0, "has_more":
false}, "notes": {"type": "list", "data": [], "url": "/notes", "total_count": 0, "has_more": false},
"custom_attributes": {"csm_owner": "Amara", "nps_score": 9, "renewal_call_at": 1710000000}}
""")


def company(number: int, version: int) -> dict[str, Any]:
    """Return a company; its `last_request_at` changes, which ChartMogul does not get."""
    made = {"created_at": SECOND, "remote_created_at": SECOND, "updated_at": SECOND + version}
    ids = {"id": f"6543f1e2a{number:015x}", "company_id": f"acme-{number}", "name": f"Acme {number} Ltd"}
    return {**COMPANY, **ids, **made, "last_request_at": SECOND + version}


def contact(number: int, companies: int, version: int) -> dict[str, Any]:
    """Return a contact of one company. Its name changes with the version."""
    url = f"6543f1e2a{number % companies:015x}"
    links = {"type": "list", "data": [{"type": "company", "id": url, "url": f"/companies/{url}"}], "total_count": 1}
    made = {"created_at": SECOND + number, "updated_at": SECOND + version, "signed_up_at": SECOND + number}
    ids = {"id": f"6543f1e2c{number:015x}", "external_id": str(number), "email": f"c{number}@example.com"}
    name = f"Ann Example {'I' * version}"
    return {**CONTACT, **ids, **made, "name": name, "companies": {**links, "url": "/companies", "has_more": False}}


def workspace(companies: int, contacts: Iterable[int], version: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all companies and these contacts."""
    for one in range(companies):
        yield "companies", company(one, version)
    for one in contacts:
        yield "contacts", contact(one, companies, version)


def write(path: Path, rows: Iterable[tuple[str, dict[str, Any]]], confirmed: dict[str, Any] | None = None) -> None:
    """Write the input of a run."""
    sync = {"completed_at": SECOND * 1000, "streams": "companies,contacts", "from": None, "subset": 0}
    with path.open("wb") as file:
        if confirmed:
            file.write(line("STATE", value=confirmed))
        for stream, attributes in ATTRIBUTES.items():
            customs = {"custom_attributes": {"type": "object", "properties": attributes}, "companies": {}}
            shape = {"type": "object", "properties": customs}
            file.write(line("SCHEMA", stream=stream, schema=shape, key_properties=["id"]))
        for stream, one in rows:
            file.write(line("RECORD", stream=stream, record=one))
        file.write(line("STATE", value={"bookmarks": {"contacts": {}, "_sync": sync}}))


def measure(folder: Path, *, again: bool) -> None:
    """Measure the seconds from the end of the input until everything, or what changed, is sent."""
    source, limit = folder / "input", CHANGED if again else FIRST
    write(source, workspace(10_000, range(50_000), 0))
    ran = run(COMMAND, folder, source, **SETTINGS)
    if again:
        write(source, workspace(10_000, range(0, 50_000, 100), 1), ran.state)
        ran = run(COMMAND, folder, source, **SETTINGS)
    what = f"10,000 companies and 50,000 contacts: {ran.records:,} records sent by {'the next' if again else 'one'} run"
    row(
        what,
        f"{ran.sending:.1f} s from the end of the input (which took {ran.reading:.1f} s)",
        f"<= {limit} s",
        holds=ran.sending <= limit,
    )


def measure_memory(folder: Path) -> None:
    """Measure the peak of memory while everything is sent."""
    source = folder / "input"
    write(source, workspace(50_000, range(250_000), 0))
    ran = run(COMMAND, folder, source, **SETTINGS)
    what = "50,000 companies and 250,000 contacts, peak of memory"
    row(what, f"{ran.peak:.0f} MB", f"< {MEMORY} MB", holds=ran.peak < MEMORY)


MEASUREMENTS = {
    "first": lambda folder: measure(folder, again=False),
    "changed": lambda folder: measure(folder, again=True),
    "memory": measure_memory,
}

if __name__ == "__main__":
    print(f"load average {os.getloadavg()[0]:.1f}\n\n| what | measured | limit | holds |\n|---|---|---|---|")
    for chosen in sys.argv[1:] or MEASUREMENTS:
        with tempfile.TemporaryDirectory() as name:
            MEASUREMENTS[chosen](Path(name))
