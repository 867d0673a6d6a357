"""What an error of PostgreSQL means for the user, as one sentence.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from standpipe_maps.protocol import FULL_REFRESH

# By the code, or by its class (the first two characters).
PROBLEMS = (
    ("55P03", "Another run is using the store {store}: wait until it has ended, then run again."),
    ("53100", "The disk of the database of the store {store} is full: free some space, then run again."),
    ("42501", "The user of `store_url` may not use the store {store} ({problem}): grant it CREATE on the database."),
    ("25006", "The database of the store {store} can only be read: `store_url` must lead to the primary server."),
    ("57P", "The connection to the database of the store {store} was lost: run again."),
    ("08", "The connection to the database of the store {store} was lost: run again."),
    ("42P01", "The schema of the store {store} is not a store, or is damaged: {remedy}."),
    ("42703", "The schema of the store {store} is not a store, or is damaged: {remedy}."),
    ("XX", "The store {store} is damaged ({problem}): restore it from a copy, or {remedy}."),
)


def explain_error(error: Exception, store: str) -> str:
    """Return one sentence about an error of PostgreSQL, without any value of a row."""
    original: Any = getattr(error, "orig", error)
    code = getattr(original, "sqlstate", None) or ""
    problem = getattr(getattr(original, "diag", None), "message_primary", None)
    if not code and isinstance(original, psycopg.OperationalError):
        # The driver's own errors have no code. Its text about a connection has no password.
        if isinstance(error, DBAPIError) and not error.connection_invalidated:
            told = next(iter(str(original).strip().splitlines()), type(original).__name__)
            return f"The database of the store {store} cannot be reached ({told}): check `store_url`."
        code = "08"
    sentences = (sentence for start, sentence in PROBLEMS if code.startswith(start))
    sentence = next(sentences, "The store {store} failed ({problem}): {remedy}.")
    return sentence.format(store=store, problem=problem or type(original).__name__, remedy=FULL_REFRESH)
