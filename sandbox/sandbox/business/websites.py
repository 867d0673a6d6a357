"""Companies' websites, and the ways in which people write them."""

from __future__ import annotations

from random import Random

from sandbox.business.words import COMPANY_FORMS, COMPANY_KINDS, COMPANY_NAMES

MAIL_HOSTS = ("gmail.com", "outlook.com", "yahoo.com")
"""Hosts of mailboxes, which some companies name as their website although it is not their own."""
_SPELLINGS = ("https://www.{}/", "https://{}", "http://www.{}/en/about", "{}", "www.{}", "HTTPS://{}/?ref=footer")
_MAIL_HOST = 0.08
_SHARED = 0.12
_NONE = 0.25


def build_domain(company: str, company_id: str) -> str:
    """Return the domain of a company of the business; some pairs of neighbours share one."""
    number = int(company_id[-6:]) if company_id[-6:].isdecimal() else 0
    pair = Random(f"domain:{number // 2}")
    if company_id.startswith("co-") and pair.random() < _SHARED:
        return f"{pair.choice(COMPANY_NAMES)}-{pair.choice(COMPANY_KINDS)}-{number // 2}.example".lower()
    words = [word for word in company.split() if word not in COMPANY_FORMS]
    return f"{'-'.join(words)}-{number}.example".lower()


def website(random: Random, company: str, company_id: str) -> str | None:
    """Return a company's website as people type it: in one of several spellings, a mail host, or nothing."""
    share = random.random()
    if share < _NONE:
        return None
    host = random.choice(MAIL_HOSTS) if share < _NONE + _MAIL_HOST else build_domain(company, company_id)
    return random.choice(_SPELLINGS).format(host)
