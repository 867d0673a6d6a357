"""Every list of Chargebee that the sandbox serves, as one table; a resource more is a row more in ``*_lists.py``."""

from __future__ import annotations

from sandbox.chargebee.billing_lists import BILLING_LISTS
from sandbox.chargebee.catalog_lists import CATALOG_LISTS
from sandbox.chargebee.customer_lists import CUSTOMER_LISTS
from sandbox.chargebee.payment_lists import PAYMENT_LISTS
from sandbox.chargebee.rows import Filter, Resource
from sandbox.chargebee.site_lists import SITE_LISTS

RESOURCES = (*CUSTOMER_LISTS, *BILLING_LISTS, *PAYMENT_LISTS, *CATALOG_LISTS, *SITE_LISTS)

__all__ = ["RESOURCES", "Filter", "Resource"]
