"""Every kind of document, by the name of its table."""

from __future__ import annotations

from sandbox.business.documents.billing import BILLING
from sandbox.business.documents.fixtures import read_fixtures
from sandbox.business.documents.holding import HOLDING
from sandbox.business.documents.quoting import QUOTING
from sandbox.business.documents.selling import SELLING

KINDS = {**SELLING, **BILLING, **QUOTING, **HOLDING, **read_fixtures("holding"), **read_fixtures("keeping")}
