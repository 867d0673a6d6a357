"""Where the shared state of an account is: a row in PostgreSQL, or a key in Redis.

Both replace the state only if nobody else changed it, so no process ever holds a lock, and one that dies blocks nobody.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from .rate_limit import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import psycopg
    import redis

POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
REDIS = frozenset({"redis", "rediss", "unix"})
TIMEOUT = 10
"""Seconds to wait for the database."""
KEEP = 900
"""Seconds for which Redis keeps the state. Nothing in it lasts as long."""
SCHEMA = "standpipe_limits"
_NO_HOST = "The address in the setting `limit_url` has a host whose name cannot exist: correct it."
_CREATE = (
    "CREATE SCHEMA IF NOT EXISTS standpipe_limits",
    # Room in each page lets PostgreSQL write a new version of a row beside the old one.
    (
        "CREATE TABLE IF NOT EXISTS standpipe_limits.accounts (account text PRIMARY KEY, state text NOT NULL) "
        "WITH (fillfactor = 50)"
    ),
)
_READ = """
SELECT (SELECT state FROM standpipe_limits.accounts WHERE account = %s),
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
"""
_INSERT = "INSERT INTO standpipe_limits.accounts (account, state) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_UPDATE = "UPDATE standpipe_limits.accounts SET state = %s WHERE account = %s AND state = %s"
_PREFIX = "standpipe:limit:"
_READ_SCRIPT = "return {redis.call('GET', KEYS[1]), redis.call('TIME')}"
_REPLACE_SCRIPT = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


class UnreachableError(Exception):
    """The database does not answer. Another attempt may succeed."""


class LimitStore(Protocol):
    """The state of one account."""

    def read(self) -> tuple[str | None, int]:
        """Return the state, and the time of the database in microseconds.

        Raises:
            UnreachableError: the database does not answer.
            LimitError: it cannot be used.
        """

    def replace(self, old: str | None, new: str) -> bool:
        """Replace the state, and return whether it was still the old one.

        Raises:
            UnreachableError: the database does not answer. The state may have been replaced.
            LimitError: it cannot be used.
        """


def find_limit_url_problem(url: str | None) -> Iterable[str]:
    """Yield one sentence if the setting `limit_url` is not an address of a database."""
    if url and not _is_address(url):
        # The address itself is not shown, as it may contain a password.
        yield (
            "The setting `limit_url` is not the address of a database, such as postgresql://USER:PASSWORD@HOST/NAME or "
            "redis://HOST:6379/0."
        )


def _is_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in POSTGRES | REDIS
    except ValueError:
        return False


def name_account(vendor: str, base_url: str, owner: str) -> str:
    """Return the name of an account in the database: a digest of the vendor's host and the key, never the key."""
    text = "\n".join((vendor, urlsplit(base_url).netloc.lower(), owner))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def open_limit_store(url: str, account: str, distribution: str) -> LimitStore:
    """Return the state of an account; nothing is connected yet.

    Args:
        url: the setting `limit_url`.
        account: the name of the account.
        distribution: the plugin, which has the drivers as extras.

    Raises:
        LimitError: the address is not one, or the driver is missing.
    """
    for problem in find_limit_url_problem(url):
        raise LimitError(problem)
    is_redis = urlsplit(url).scheme in REDIS
    try:
        return RedisLimits(url, account) if is_redis else PostgresLimits(url, account)
    except ModuleNotFoundError as error:
        extra = "redis" if is_redis else "postgres"
        folder = distribution.removeprefix("standpipe-")
        raise LimitError(
            f"`limit_url` needs the driver {error.name}: install `{distribution}[{extra}]`; in meltano.yml, "
            f"`-e ./{folder}[{extra}]` in the plugin's `pip_url`."
        ) from None


class PostgresLimits:
    """The state of an account in PostgreSQL.

    Args:
        url: the address of the database.
        account: the name of the account.
    """

    def __init__(self, url: str, account: str) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        # Without such a database, no driver is needed.
        import psycopg  # noqa: PLC0415

        self._driver = psycopg
        self._url = "postgresql://" + url.partition("://")[2]
        try:
            psycopg.conninfo.conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:
            # The error's own text contains the address.
            raise LimitError("The setting `limit_url` is not an address such as postgresql://HOST/NAME.") from None
        self._account = account

    def read(self) -> tuple[str | None, int]:
        """Return the state and the server's time. The table is made when it is missing."""
        missing = (self._driver.errors.UndefinedTable, self._driver.errors.InvalidSchemaName)
        found: tuple[str | None, int] = self._call(self._read, missing)
        return found

    def _read(self, connection: psycopg.Connection[Any]) -> tuple[str | None, int]:
        row = connection.execute(_READ, (self._account,)).fetchone()
        if row is None:
            raise UnreachableError("no row came")
        return row[0], row[1]

    def replace(self, old: str | None, new: str) -> bool:
        """Replace the state, and return whether it was still the old one."""

        def replace(connection: psycopg.Connection[Any]) -> bool:
            if old is None:
                return connection.execute(_INSERT, (self._account, new)).rowcount == 1
            return connection.execute(_UPDATE, (new, self._account, old)).rowcount == 1

        return bool(self._call(replace))

    def _call(self, call: Callable[[psycopg.Connection[Any]], Any], missing: tuple[type[Exception], ...] = ()) -> Any:
        try:
            connection = self._connect()
            try:
                return call(connection)
            except missing:
                self._create_table(connection)
                return call(connection)
        except UnicodeError:
            raise LimitError(_NO_HOST) from None
        except self._driver.OperationalError as error:
            self._disconnect()
            raise UnreachableError(_read_first_line(error)) from None
        except self._driver.Error as error:
            raise LimitError(
                f"The database of `limit_url` cannot be used ({_read_first_line(error)}): its user needs the right to "
                f"create the schema {SCHEMA} and to write into it, on the primary server."
            ) from None

    def __del__(self) -> None:
        self._disconnect()

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = self._driver.connect(
                self._url,
                autocommit=True,
                connect_timeout=TIMEOUT,
                tcp_user_timeout=TIMEOUT * 1000,
                # A pooler may run each statement on another connection.
                prepare_threshold=None,
            )
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _create_table(self, connection: psycopg.Connection[Any]) -> None:
        errors = self._driver.errors
        for statement in _CREATE:
            try:
                connection.execute(statement)
            except (errors.UniqueViolation, errors.DuplicateSchema, errors.DuplicateTable):
                # Another process made it at the same moment.
                continue


class RedisLimits:
    """The state of an account in Redis.

    Args:
        url: the address of the server.
        account: the name of the account.
    """

    def __init__(self, url: str, account: str) -> None:
        # Without such a database, no driver is needed.
        import redis  # noqa: PLC0415

        self._errors = redis.exceptions
        try:
            client: redis.Redis = redis.Redis.from_url(
                url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True, retry=None
            )
        except (ValueError, TypeError):
            raise LimitError("The setting `limit_url` is not an address such as redis://HOST:6379/0.") from None
        self._key = _PREFIX + account
        self._read_script = client.register_script(_READ_SCRIPT)
        self._replace_script = client.register_script(_REPLACE_SCRIPT)

    def read(self) -> tuple[str | None, int]:
        """Return the state and the server's time."""
        text, (seconds, rest) = self._call(lambda: self._read_script(keys=[self._key]))
        return text, int(seconds) * 1_000_000 + int(rest)

    def replace(self, old: str | None, new: str) -> bool:
        """Replace the state, and return whether it was still the old one."""
        return bool(self._call(lambda: self._replace_script(keys=[self._key], args=[old or "", new, KEEP])))

    def _call(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except UnicodeError:
            raise LimitError(_NO_HOST) from None
        except self._errors.AuthenticationError as error:
            raise LimitError(
                f"The database of `limit_url` refuses its user ({_read_first_line(error)}): check the setting."
            ) from None
        except (self._errors.ConnectionError, self._errors.TimeoutError) as error:
            raise UnreachableError(_read_first_line(error)) from None
        except self._errors.RedisError as error:
            raise LimitError(
                f"The database of `limit_url` cannot be used ({_read_first_line(error)}): its user may need more "
                "rights, and the server must be the primary one."
            ) from None


def _read_first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
