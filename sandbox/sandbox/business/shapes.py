"""The kinds of customers that the business has, as a table.

A business with as many customers as kinds has one of each; further customers are drawn by weight.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SubscriptionShape:
    """The state of a subscription. ``latest`` is the state of its latest invoice."""

    status: str = "active"
    period: str = "Monthly"
    currency: str | None = None
    plan: str | None = None
    latest: str = "paid"
    cancel_reason: str | None = None
    cancel_reason_code: str | None = None
    deleted: bool = False
    trial: bool = False


@dataclass(frozen=True)
class Shape:
    """The state of a customer. ``email`` is own, none, odd (in letter case) or shared (with the customer before)."""

    weight: int
    subscriptions: tuple[SubscriptionShape, ...] = ()
    currency: str = "USD"
    payment: str | None = "card"
    card: str = "valid"
    email: str = "own"
    deleted: bool = False
    reuses_id: bool = False
    before_stamps: bool = False
    odd_id: bool = False
    consolidated: bool = False
    charges: int = 0
    promotional_credits: int = 0


_Sub = SubscriptionShape
_ACTIVE = _Sub()

SHAPES = (
    Shape(28, (_ACTIVE,)),
    Shape(9, (_ACTIVE,), currency="EUR"),
    Shape(7, (_Sub(period="Yearly"),), currency="EUR"),
    Shape(8, (_Sub(period="Yearly"),)),
    Shape(4, (_ACTIVE,), currency="JPY"),
    Shape(2, (_Sub(period="Quarterly"),)),
    Shape(1, (_Sub(period="Weekly"),)),
    Shape(4, (_ACTIVE,), payment="bank_transfer"),
    Shape(4, (_ACTIVE,), payment="paypal_express_checkout"),
    Shape(2, (_ACTIVE,), payment="direct_debit", currency="EUR"),
    Shape(2, (_ACTIVE,), card="expired"),
    Shape(1, (_ACTIVE,), card="expiring"),
    Shape(3, (_ACTIVE,), charges=1),
    Shape(1, (_ACTIVE,), promotional_credits=5_000),
    Shape(4, (_Sub(latest="payment_due"),)),
    Shape(4, (_Sub(latest="not_paid"),)),
    Shape(2, (_Sub(latest="partial"),), currency="EUR"),
    Shape(2, (_Sub(latest="posted"),), payment="bank_transfer"),
    Shape(1, (_Sub(latest="voided"),)),
    Shape(1, (_Sub(latest="pending", plan="metro"),)),
    Shape(1, (_Sub(latest="not_paid"),), currency="JPY"),
    Shape(5, (_Sub("in_trial"),), payment=None),
    Shape(3, (_Sub("in_trial"),)),
    Shape(3, (_Sub(trial=True),)),
    Shape(1, (_Sub("future"),)),
    Shape(1, (_Sub("future", trial=True),), payment=None),
    Shape(1, (_Sub("paused"),)),
    Shape(3, (_Sub("non_renewing"),)),
    Shape(1, (_Sub("non_renewing", cancel_reason_code="Too expensive"),)),
    Shape(7, (_Sub("cancelled", cancel_reason_code="Switched to a competitor"),)),
    Shape(3, (_Sub("cancelled"),)),
    Shape(4, (_Sub("cancelled", cancel_reason="not_paid", latest="not_paid"),)),
    Shape(3, (_Sub("cancelled", cancel_reason="no_card", trial=True),), payment=None),
    Shape(2, (_Sub("cancelled", cancel_reason_code="Missing feature"), _ACTIVE)),
    Shape(2, (_ACTIVE, _Sub(plan="metro"))),
    Shape(1, (_ACTIVE, _Sub(currency="EUR", latest="payment_due"))),
    Shape(1, (_ACTIVE, _Sub("in_trial"))),
    Shape(1, (_Sub(plan="starter"), _Sub(plan="metro")), consolidated=True),
    Shape(1, (_ACTIVE,), email="none"),
    Shape(2, (_ACTIVE,), email="odd"),
    Shape(1, (_Sub("cancelled"),), email="shared"),
    Shape(5, payment=None),
    Shape(1, charges=1),
    Shape(1, (_Sub("cancelled", deleted=True),)),
    Shape(1, (_Sub("cancelled", deleted=True),), deleted=True),
    Shape(1, (_ACTIVE,), reuses_id=True),
    Shape(1, payment=None, deleted=True),
    Shape(1, (_Sub("cancelled", period="Yearly"),), before_stamps=True),
    Shape(1, payment=None, before_stamps=True),
    Shape(1, (_ACTIVE,), odd_id=True, currency="EUR"),
)

NEWCOMERS = (
    Shape(4, (_Sub("in_trial"),), payment=None),
    Shape(3, (_Sub("in_trial"),)),
    Shape(3, (_ACTIVE,)),
    Shape(1, (_Sub(period="Yearly"),), currency="EUR"),
    Shape(1, (_ACTIVE,), currency="JPY"),
    Shape(1, payment=None),
)
"""The kinds of new customers while time passes."""
