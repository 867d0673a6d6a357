"""New customers: random names, addresses and means of payment."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from unicodedata import normalize

from sandbox.business.calendar import card_status, count_months
from sandbox.business.records import OFFLINE, Card, Customer
from sandbox.business.words import COMPANY_FORMS, COMPANY_KINDS, COMPANY_NAMES, FIRST_NAMES, LAST_NAMES, PLACES

if TYPE_CHECKING:
    from random import Random

    from sandbox.business.shapes import Shape

_ID_BYTES = 12
_TIERS = ("free", "standard", "standard", "premium")
_NO_PHONE = 0.3
_NO_COMPANY = 0.25
_CARD_YEARS = {"valid": (1, 4), "expired": (-2, -1)}
"""The years in which valid and expired cards expire, counted from now; the month is random."""


def draw_id(random: Random) -> str:
    """Return a random id in Chargebee's form."""
    return b64encode(random.randbytes(_ID_BYTES), b"Zz").decode()


def make_customer(random: Random, number: int, shape: Shape, created_at: int, now: int) -> Customer:
    """Return the ``number``-th customer without timestamps; ``now`` decides the card's status."""
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    company = None if random.random() < _NO_COMPANY else _draw_company(random)
    country = random.randrange(len(PLACES))
    customer = Customer(
        id=draw_id(random),
        created_at=created_at,
        updated_at=None,
        resource_version=None,
        deleted=shape.deleted,
        first_name=first,
        last_name=last,
        email=f"{_simplify(first)}.{_simplify(last)}{number}@example.com",
        phone=None if random.random() < _NO_PHONE else f"{PLACES[country][6]} 555 01{number % 100:02}",
        company=company,
        cf_company_id=None if company is None else f"co-{number:06}",
        cf_user_id=f"user-{number:06}" if number % 10 else None,
        cf_tier=random.choice(_TIERS),
        country=country,
        currency_code=shape.currency,
        auto_collection="off" if shape.payment in (None, OFFLINE) else "on",
        payment=shape.payment,
        promotional_credits=shape.promotional_credits,
    )
    if shape.payment == "card":
        customer.card = _draw_card(random, customer, shape.card, now)
    return customer


def _simplify(name: str) -> str:
    """Return a name in the form used in e-mail addresses."""
    letters = normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


def _draw_company(random: Random) -> str:
    words = [random.choice(COMPANY_NAMES), random.choice(COMPANY_KINDS)]
    return " ".join([*words, random.choice(COMPANY_FORMS)] if random.random() < 1 / 2 else words)


def _draw_card(random: Random, customer: Customer, standing: str, now: int) -> Card:
    year, month = _draw_expiry(random, standing, now)
    return Card(
        payment_source_id=f"pm_{customer.id}",
        brand=random.choice(("visa", "mastercard")),
        last4=f"{random.randrange(10_000):04}",
        expiry_month=month,
        expiry_year=year,
        status=card_status(year, month, now),
        created_at=customer.created_at,
    )


def _draw_expiry(random: Random, standing: str, now: int) -> tuple[int, int]:
    this_year, this_month = divmod(count_months(now) - 1, 12)
    if standing == "expiring":
        return this_year, this_month + 1
    return this_year + random.randint(*_CARD_YEARS[standing]), random.randint(1, 12)
