"""Folders and files that hold personal data: only their owner may read them."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError

from target_chartmogul._kit.folders import registry_path, remember_folder
from target_chartmogul.outcomes import KINDS_OF_OUTCOME

if TYPE_CHECKING:
    from pathlib import Path

LISTS = ("rejects", "changes")
HELD_VALUES, MERGE_LOG = "held_values.csv", "merges.jsonl"
MERGE_SETTINGS, CONTACT_IDS = "merge_settings.json", "contact_ids.json"
#: The tables of the command `review`.
REVIEW_CUSTOMERS, REVIEW_CONTACTS = "review_customers.csv", "review_contacts.csv"
#: Every file that the plugin may leave in a folder, by the setting that names the folder. Who removes the reports one
#: day removes these, and nothing else.
OWN_FILES = {
    "report_dir": (
        *(f"{kind}.csv" for kind in KINDS_OF_OUTCOME),
        *(f"{name}.jsonl" for name in LISTS),
        "merges.csv",
        HELD_VALUES,
        "summary.json",
        REVIEW_CUSTOMERS,
        REVIEW_CONTACTS,
    ),
    "memory_dir": (HELD_VALUES, MERGE_LOG, MERGE_SETTINGS, CONTACT_IDS),
}


def make_folder(directory: Path, setting: str = "report_dir") -> None:
    """Make the folder that a setting names, and note it as one of this plugin's.

    Raises:
        ConfigurationError: it cannot be made, or written to, or noted.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder of `{setting}`, {directory}, cannot be made: {error.strerror}.") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The folder of `{setting}`, {directory}, cannot be written to.")
    registry = registry_path(os.environ)
    try:
        remember_folder(registry, "target-chartmogul", directory, OWN_FILES[setting])
    except OSError as error:
        raise ConfigurationError(f"The folder {directory} cannot be noted in {registry}: {error.strerror}.") from None


def open_private(path: Path, *, append: bool = False) -> IO[str]:
    """Open a file for writing that only its owner may read, also when it existed with another mode."""
    how = os.O_APPEND if append else os.O_TRUNC
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "a" if append else "w", encoding="utf-8", newline="")
