"""What a sandbox can be told when it starts or is reset."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The sandbox's switches; the same names are options of the command and keys of ``POST /sandbox/reset``."""

    customers: int = 500
    """How many customers the business starts with."""
    seed: int = 7
    """One seed, one business, to the byte."""
    catalog: int = 2
    """Chargebee's Product Catalog, 1 or 2."""
    list_lag: int = 0
    """Seconds of the business clock by which Chargebee's lists lag behind its writes."""
    search_lag: int = 0
    """Seconds by which Intercom's search lags behind its writes."""
    rate_limit_per_window: int = 1667
    """Intercom's calls in ten seconds of real time."""
    max_in_values: int = 50
    """The longest array that Intercom's `IN` takes; the real maximum is not documented."""
    second_user_for_new_external_id: bool = True
    """Whether a new Intercom user with a known e-mail and a new external id is a second user (else a conflict)."""
    email_search_ignores_case: bool = False
    """Whether Intercom's search compares e-mails without regard to letter case."""
    refuse_unknown_fields: bool = True
    """Whether Intercom refuses parameters and contact fields that it does not know (else it ignores them)."""
    leads_take_null: bool = False
    """Whether null clears a custom attribute of an Intercom lead, as it does of a user."""
    company_delete_lag: int = 1
    """Seconds of the business clock until an Intercom company is gone after its DELETE."""
    companies_max_per_page: int = 60
    """The longest page of Intercom's company lists; the real maximum is not documented."""
    scroll_idle: int = 60
    """Seconds of real time after which an Intercom scroll expires."""
    intercom_timezone: str = "America/Los_Angeles"
    """The Intercom workspace's time zone: date filters are cut to its days."""
    mrr_lag: int = 0
    """Seconds of the business clock by which a Chargebee subscription's recurring revenue lags behind its changes."""
    mrr_moves_updated_at: bool = False
    """Whether the late arrival of recurring revenue moves the subscription's `updated_at`."""


def settings_from(values: dict[str, Any]) -> Settings:
    """Settings out of a JSON object.

    Raises:
        ValueError: a name is unknown or a value has the wrong type; the sentence names it.
    """
    known = {field.name: type(field.default) for field in fields(Settings)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"Unknown setting {name!r}; there are {', '.join(known)}.")
        if type(value) is not known[name]:
            raise ValueError(f"Setting {name!r} takes {known[name].__name__}, not {value!r}.")
    settings = Settings(**values)
    if settings.catalog not in (1, 2):
        raise ValueError(f"Setting 'catalog' is 1 or 2, not {settings.catalog}.")
    if settings.customers < 0:
        raise ValueError(f"Setting 'customers' is 0 or more, not {settings.customers}.")
    return settings
