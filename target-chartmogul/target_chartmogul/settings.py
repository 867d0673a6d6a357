"""The settings of target-chartmogul: their meaning, and the typed form for the rest of the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigurationError

from target_chartmogul._kit.limit_stores import find_limit_url_problem
from target_chartmogul._kit.setting_rows import (
    build_folder_settings,
    build_key_setting,
    build_limit_setting,
    build_mode_setting,
    build_reject_settings,
    build_timeout_settings,
)
from target_chartmogul._kit.settings import find_url_problem
from target_chartmogul.api.transport import BASE_URL
from target_chartmogul.merge.customer_matching import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul._kit.json_types import JsonValue

#: ChartMogul's limits for an account.
PER_SECOND, CONNECTIONS = 40, 20

PROPERTIES = th.PropertiesList(
    build_key_setting("api_key", "API key", "A key of the ChartMogul account that may read and write."),
    th.Property(
        "api_url",
        th.StringType,
        default=BASE_URL,
        title="API URL",
        description="The base URL of the API.",
    ),
    th.Property(
        "data_source_name",
        th.StringType,
        default="Intercom leads",
        title="Data source name",
        description="The name of the data source to write into. It is created if it does not exist.",
    ),
    th.Property(
        "source_patience",
        th.IntegerType(minimum=0),
        default=900,
        title="Source patience",
        description="How many seconds a run may wait until the name of a deleted data source is free.",
    ),
    th.Property(
        "on_shared",
        th.StringType,
        default="own_fields",
        allowed_values=["own_fields", "all"],
        title="On shared",
        description="What is written to customers that another source shares. `own_fields`: website, attributes, tags. "
        "`all`: also name, e-mail address, company and address. Lead and trial dates are only filled in.",
    ),
    th.Property(
        "merge",
        th.StringType,
        default="off",
        allowed_values=["off", "report", "apply"],
        title="Merge",
        description="Whether customers are merged with those of the source in `merge_with`: `report` only lists them, "
        "`apply` merges them.",
    ),
    th.Property(
        "merge_with",
        th.StringType,
        title="Merge with",
        description="The name of the billing system's data source, whose customers survive a merge.",
    ),
    th.Property(
        "merge_by",
        th.ArrayType(th.StringType(allowed_values=list(KEYS))),
        default=list(KEYS),
        title="Merge by",
        description="The keys by which two customers are the same, the most reliable first. The first that finds one "
        "customer decides, unless another key finds a different one.",
    ),
    build_mode_setting("reads, compares"),
    *build_reject_settings(),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=CONNECTIONS),
        default=16,
        title="Max concurrency",
        description="How many requests may be under way at once. ChartMogul permits 20 to the whole account.",
    ),
    th.Property(
        "requests_per_second",
        th.IntegerType(minimum=1, maximum=PER_SECOND),
        default=PER_SECOND,
        title="Requests per second",
        description="How many requests may be made in a second. ChartMogul permits 40 to the whole account.",
    ),
    build_limit_setting("key"),
    *build_timeout_settings(120),
    *build_folder_settings("target-chartmogul", "values that ChartMogul holds back, and merges"),
)


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Their names are those of the plugin's settings."""

    api_key: str
    api_url: str
    data_source_name: str
    source_patience: int
    write_all: bool
    merge: str
    merge_with: str
    merge_by: tuple[str, ...]
    validate: bool
    max_rejects: int | None
    fail_on_rejects: bool
    max_concurrency: int
    requests_per_second: int
    limit_url: str | None
    request_timeout: float
    answer_timeout: float
    report_dir: Path
    memory_dir: Path
    journal_dir: Path | None


def parse_settings(config: Mapping[str, JsonValue]) -> Settings:
    """Return the settings of a configuration that fits their schema.

    Raises:
        ConfigurationError: a setting has an impossible value.
    """
    for name in ("api_key", "data_source_name", "report_dir"):
        if not config[name].strip():
            raise ConfigurationError(f"The setting `{name}` is empty.")
    key, source = config["api_key"].strip(), config["data_source_name"].strip()
    if not key.isascii() or not key.isprintable() or not {" ", ":"}.isdisjoint(key):
        # One example is the ellipsis of a key in a document.
        raise ConfigurationError("The setting `api_key` contains characters that ChartMogul's keys never have.")
    api_url = (config.get("api_url") or "").strip() or BASE_URL
    for problem in (
        *find_url_problem("api_url", api_url, BASE_URL),
        *find_limit_url_problem(config.get("limit_url")),
    ):
        raise ConfigurationError(problem)
    merge, merge_with = config["merge"], (config.get("merge_with") or "").strip()
    _check_merge(merge, merge_with, source)
    max_rejects = config.get("max_rejects")
    report_dir, journal_dir = Path(config["report_dir"]), (config.get("journal_dir") or "").strip()
    return Settings(
        api_key=key,
        api_url=api_url,
        data_source_name=source,
        source_patience=int(config["source_patience"]),
        write_all=config["on_shared"] == "all",
        merge=merge,
        merge_with=merge_with,
        merge_by=tuple(config["merge_by"]),
        validate=config["mode"] == "validate",
        max_rejects=None if max_rejects is None else int(max_rejects),
        fail_on_rejects=config["fail_on_rejects"],
        max_concurrency=int(config["max_concurrency"]),
        requests_per_second=int(config["requests_per_second"]),
        limit_url=(config.get("limit_url") or "").strip() or None,
        request_timeout=float(config["request_timeout"]),
        answer_timeout=float(config["answer_timeout"]),
        report_dir=report_dir,
        memory_dir=Path((config.get("memory_dir") or "").strip() or report_dir / "memory"),
        journal_dir=Path(journal_dir) if journal_dir else None,
    )


def _check_merge(merge: str, merge_with: str, source: str) -> None:
    if merge != "off" and merge_with in {"", source}:
        raise ConfigurationError(
            f"The setting `merge` is {merge}: name the billing system's data source in `merge_with` "
            "(TARGET_CHARTMOGUL_MERGE_WITH), which is not the one in `data_source_name`. "
            "`meltano invoke target-chartmogul:sources` lists them all."
        )
