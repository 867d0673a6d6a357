"""Entry point of ``python -m tap_chargebee``."""

from __future__ import annotations

from tap_chargebee.tap import TapChargebee

TapChargebee.cli()
