"""The shares and words of a seeded workspace."""

from __future__ import annotations

STANDINGS = {"user": 78, "two users": 4, "lead": 5, "archived user": 3, "unknown": 10}
"""How a customer is known to Intercom, in percent."""

CHANCES = {
    "stranger": 0.15,
    "odd company": 0.04,
    "user": 0.6,
    "external id": 0.85,
    "other letter case": 0.08,
    "phone": 0.7,
    "tier": 0.5,
    "csm_owner": 0.5,
    "nps_score": 0.4,
    "lead_score": 0.2,
    "beta_tester": 0.1,
    "renewal_call_at": 0.1,
    "seats_used": 0.6,
    "trial_started_at": 0.4,
    "expected_value": 0.3,
    "self_serve": 0.5,
}
"""Strangers and odd companies as shares of the customers; the others as shares of their own kind."""

CONTACT_ATTRIBUTES = (
    ("csm_owner", "string", "Who looks after this customer"),
    ("nps_score", "integer", "Answer to the last survey, 0 to 10"),
    ("lead_score", "float", "How likely a purchase is, 0 to 100"),
    ("beta_tester", "boolean", "Sees features before the others"),
    ("renewal_call_at", "date", "When to call about the renewal"),
)
COMPANY_ATTRIBUTES = (
    ("account_tier", "string", "Gold, silver or bronze"),
    ("seats_used", "integer", "Seats in use"),
    ("trial_started_at", "date", "When the first trial began"),
    ("expected_value", "float", "What a year is hoped to bring, in USD"),
    ("self_serve", "boolean", "Signed up without having talked to anybody"),
)
COMPANIES_OF_STRANGERS = (0, 1, 0, 3)
"""How many companies strangers who are users belong to, by turns."""

OWNERS = ("Amara", "Bjarne", "Chioma", "Dmitri")
TIERS = ("gold", "silver", "bronze")
SIZES = (None, 5, 20, 80, 400)
FIRST_NAMES = ("Ada", "Boris", "Carla", "Deniz", "Emeka", "Freya", "Goran", "Hana", "Ines", "Jonas", "Kaia", "Liam")
LAST_NAMES = ("Abiola", "Brandt", "Costa", "Dahl", "Eriksen", "Fischer", "Gallo", "Horvat", "Ito", "Jensen", "Kovac")
