"""What the last scroll found for each record, so that a run over some records reads those companies by their ids.

A scroll reads every company of the workspace, and only one at a time may be open: too much for a few records. The file
only saves time: if it is deleted, the next run needs one scroll.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from target_intercom._kit.private_files import open_private, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from target_intercom.records.match_keys import Keys
    from target_intercom.records.remote import RemoteCompany
    from target_intercom.records.write_options import WriteOptions

#: The name of the file in `memory_dir`.
COMPANIES_FILE = "companies.jsonl"
#: With more companies than this, a scroll is faster.
MOST_READS = 100


class _Found(msgspec.Struct, frozen=True):
    """What a scroll found for a record: the companies with one of its keys, by Intercom's id."""

    record: str
    companies: dict[str, str]


class KnownCompanies:
    """The file of what the scroll found.

    Records and companies are stored as a hash of their keys and of everything else that a match depends on. So a
    renamed one is not found, and the file contains no names.

    Args:
        folder: the memory folder.
        workspace: the id of Intercom's workspace.
        options: the settings of the stream.
    """

    def __init__(self, folder: Path, workspace: str, options: WriteOptions) -> None:
        self._path, self._options = folder / COMPANIES_FILE, options
        self._context = (workspace, options.match_key.field, options.link)

    def find(self, records: Iterable[Keys]) -> dict[str, str] | None:
        """Return the companies of all these records, with their hashes; None unless all records are known."""
        wanted = {self._hash_record(keys) for keys in records}
        try:
            found = {one.record: one.companies for one in self._iterate() if one.record in wanted}
        except (FileNotFoundError, msgspec.DecodeError):
            return None  # that costs a scroll, and no more
        return None if found.keys() < wanted else {id_: hash_ for one in found.values() for id_, hash_ in one.items()}

    def hash_company(self, company: RemoteCompany) -> str:
        """Return the hash of what identifies a company, besides the link, which runs write themselves."""
        keys = self._options.read_remote_keys(company)
        return self._hash(keys.key, keys.lookup_id)

    def save(self, found: Iterable[tuple[Keys, Sequence[tuple[str, Keys]]]], *, keep_others: bool) -> None:
        """Store the results of a scroll for each record, in place of earlier results.

        Args:
            found: the keys of each record, and of its companies by Intercom's id.
            keep_others: keep the results for other records, because this run is over some only.
        """
        with open_private(self._path, append=True) if keep_others else replace_file(self._path) as file:
            for record, companies in found:
                hashes = {id_: self._hash(keys.key, keys.lookup_id) for id_, keys in companies}
                file.write(msgspec.json.encode(_Found(self._hash_record(record), hashes)).decode() + "\n")

    def _iterate(self) -> Iterator[_Found]:
        decoder = msgspec.json.Decoder(_Found)
        with self._path.open("rb") as file:
            yield from map(decoder.decode, file)

    def _hash_record(self, keys: Keys) -> str:
        return self._hash(keys.key, keys.link, keys.lookup_id)

    def _hash(self, *values: str | None) -> str:
        return hashlib.blake2b(msgspec.json.encode((*self._context, *values)), digest_size=16).hexdigest()
