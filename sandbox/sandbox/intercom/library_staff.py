"""The workspace's staff and settings: admins, teams, why somebody is away, brands, senders, and who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.intercom.seed_tables import FIRST_NAMES, LAST_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.intercom.library_draw import Document, Draw

ADMIN_ID = "991267"
"""The admin whose token it is."""
ADMINS, LOGS = 24, 60
JOBS = ("Support Specialist", "Success Manager", "Support Lead", None)
TEAMS = ("Support", "Billing", "Onboarding", "Success", "Sales", "Escalations")
REASONS = (
    ("☕", "On a break"),
    ("🍽️", "Lunch"),
    ("🎓", "Training"),
    ("📅", "In a meeting"),
    ("🌴", "Holiday"),
    ("🤒", "Ill"),
)
ACTIVITIES: tuple[tuple[str, str, Document], ...] = (
    ("admin_login_success", "logged in", {"sign_in_method": "email_password"}),
    ("admin_login_failure", "failed to log in", {"sign_in_method": "email_password"}),
    ("admin_logout", "logged out", {}),
    ("admin_away_mode_change", "changed away mode", {"away_mode": True, "reassign_conversations": False}),
    ("app_team_membership_modification", "changed who is in a team", {"team": {"id": 814001, "name": "Support"}}),
    ("bulk_export", "exported contacts", {}),
    ("macro_creation", "made a macro", {}),
)


def team_ids() -> list[int]:
    """The ids of all teams."""
    return [814001 + number for number in range(len(TEAMS))]


def admins(draw: Draw) -> Iterator[Document]:
    """The token's own admin first."""
    for number in range(ADMINS):
        first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[number % len(LAST_NAMES)]
        name = f"{first} {last}" if number else "Sandbox Admin"
        yield {
            "type": "admin",
            "id": str(int(ADMIN_ID) + number),
            "name": name,
            "email": f"{name.replace(' ', '.').lower()}@sandbox.example" if number else "admin@sandbox.example",
            "job_title": draw.pick(JOBS),
            "away_mode_enabled": number % 7 == 3,  # noqa: PLR2004 - a few are away
            "away_mode_reassign": False,
            "away_status_reason_id": None,
            "has_inbox_seat": number % 5 != 4,  # noqa: PLR2004 - most have one
            "team_ids": sorted(draw.random.sample(team_ids(), draw.random.randrange(3))),
        }


def teams(draw: Draw) -> Iterator[Document]:
    """Each with the admins who say that they are in it."""
    for team_id, name in zip(team_ids(), TEAMS, strict=True):
        members = [int(one["id"]) for one in draw.made["admins"].values() if team_id in one["team_ids"]]
        yield {
            "type": "team",
            "id": str(team_id),
            "name": name,
            "admin_ids": members,
            "admin_priority_level": {"primary_admin_ids": members[:2], "secondary_admin_ids": members[2:]},
            "distribution_method": draw.pick(("manual", "round_robin", "balanced")),
            "assignment_limit": draw.pick((None, 10, 20)),
        }


def away_status_reasons(draw: Draw) -> Iterator[Document]:
    """In the order in which the inbox offers them."""
    for number, (emoji, label) in enumerate(REASONS, 1):
        yield {
            "type": "away_status_reason",
            "id": str(7000 + number),
            "label": label,
            "emoji": emoji,
            "order": number,
            "deleted": False,
            **draw.stamps(),
        }


def brands(draw: Draw) -> Iterator[Document]:
    """The workspace's own brand first."""
    for number, name in enumerate(("Sandbox", "Sandbox Labs"), 1):
        yield {
            "type": "brand",
            "id": str(300 + number),
            "name": name,
            "is_default": number == 1,
            "help_center_url_identifier": name.replace(" ", "-").lower(),
            "default_address_settings_id": str(500 + number),
            **draw.stamps(),
        }


def emails(draw: Draw) -> Iterator[Document]:
    """The addresses that mail is sent from."""
    for number, local in enumerate(("support", "billing", "hello"), 1):
        yield {
            "type": "email_setting",
            "id": str(500 + number),
            "email": f"{local}@sandbox.example",
            "verified": True,
            "domain": "sandbox.example",
            "brand_id": draw.one_of("brands"),
            "forwarding_enabled": True,
            "forwarded_email_last_received_at": None,
            **draw.stamps(),
        }


def activity_logs(draw: Draw) -> list[Document]:
    """What admins did in the last days, newest first, as the API lists it."""
    return sorted((_activity(draw) for _ in range(LOGS)), key=lambda one: -one["created_at"])


def _activity(draw: Draw) -> Document:
    admin = draw.made["admins"][draw.one_of("admins")]
    activity_type, what, metadata = draw.pick(ACTIVITIES)
    return {
        "id": str(UUID(int=draw.random.getrandbits(128), version=4)),
        "performed_by": {"type": "admin", "id": admin["id"], "email": admin["email"], "ip": "203.0.113.7"},
        "metadata": metadata,
        "created_at": draw.now - draw.random.randrange(60 * 86_400),
        "activity_type": activity_type,
        "activity_description": f"{admin['name']} {what}.",
    }


MAKERS: dict[str, Callable[[Draw], Iterator[Document] | list[Document]]] = {
    "admins": admins,
    "teams": teams,
    "away_status_reasons": away_status_reasons,
    "brands": brands,
    "emails": emails,
    "activity_logs": activity_logs,
}
