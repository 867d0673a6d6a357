"""The data attributes that every workspace has: (full_name, label, data_type, api_writable) a model."""

from __future__ import annotations

from typing import Any

CONTACT = (
    ("id", "ID", "string", False),
    ("role", "Type", "string", True),
    ("external_id", "User ID", "string", True),
    ("email", "Email", "string", True),
    ("phone", "Phone", "string", True),
    ("name", "Name", "string", True),
    ("avatar", "Avatar", "string", True),
    ("owner_id", "Owner", "integer", True),
    ("unsubscribed_from_emails", "Unsubscribed from Emails", "boolean", True),
    ("has_hard_bounced", "Has Hard Bounced", "boolean", False),
    ("marked_email_as_spam", "Marked email as spam", "boolean", False),
    ("created_at", "First Seen", "date", False),
    ("updated_at", "Last updated", "date", False),
    ("signed_up_at", "Signed up", "date", True),
    ("last_seen_at", "Last seen", "date", True),
    ("last_contacted_at", "Last contacted", "date", False),
    ("last_replied_at", "Last heard from", "date", False),
    ("last_email_opened_at", "Last opened email", "date", False),
    ("last_email_clicked_at", "Last clicked on link in email", "date", False),
    ("language_override", "Language Override", "string", False),
    ("browser", "Browser", "string", False),
    ("browser_language", "Browser Language", "string", False),
    ("os", "OS", "string", False),
    ("location.country", "Country", "string", False),
    ("location.region", "Region", "string", False),
    ("location.city", "City", "string", False),
)

# `plan.name` reads as not writable by the API, and the `plan` parameter writes it all the same.
COMPANY = (
    ("id", "ID", "string", False),
    ("company_id", "Company ID", "string", False),
    ("name", "Company name", "string", True),
    ("remote_created_at", "Company created at", "date", True),
    ("created_at", "Created at", "date", False),
    ("updated_at", "Updated at", "date", False),
    ("last_request_at", "Company last seen", "date", False),
    ("monthly_spend", "Monthly Spend", "float", True),
    ("session_count", "Company web sessions", "integer", False),
    ("user_count", "People", "integer", False),
    ("size", "Company size", "integer", True),
    ("industry", "Company industry", "string", True),
    ("website", "Company website", "string", True),
    ("plan.id", "Plan ID", "string", False),
    ("plan.name", "Plan", "string", False),
)


def _shape(model: str, full_name: str, label: str, data_type: str, api_writable: bool) -> dict[str, Any]:  # noqa: FBT001 - unpacked from the table above
    return {
        "type": "data_attribute",
        "name": full_name.rpartition(".")[2],
        "full_name": full_name,
        "label": label,
        "description": "",
        "data_type": data_type,
        "api_writable": api_writable,
        "ui_writable": False,
        "messenger_writable": False,
        "custom": False,
        "archived": False,
        "model": model,
    }


STANDARD = {
    "contact": tuple(_shape("contact", *row) for row in CONTACT),
    "company": tuple(_shape("company", *row) for row in COMPANY),
}
