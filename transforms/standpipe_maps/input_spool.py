"""A file with the records of a run, for stores that are written only when the input has ended."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Self

from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BATCH = 5000
"""Records that are stored at once. More are not faster, and would need more memory."""
BUFFER = 1 << 20
# An escape in JSON after an even number of backslashes, as two backslashes are one of the text.
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class InputSpool:
    """A temporary file with records, one per line. Closing it deletes it.

    Args:
        folder: the folder of the file.

    Raises:
        UserError: the folder has no room.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._explain_errors():
            self._file = tempfile.TemporaryFile(dir=folder, buffering=BUFFER)  # noqa: SIM115 closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._explain_errors():
            self._file.close()

    def write(self, stream: str, records: Sequence[bytes]) -> None:
        """Append records, each the JSON that came in, which has no line break."""
        name = stream.encode()
        with self._explain_errors():
            self._file.writelines(b"%s %s\n" % (name, record) for record in records)

    def read_batches(self) -> Iterator[tuple[str, list[bytes]]]:
        """Yield all records in their order, in batches of one stream."""
        with self._explain_errors():
            self._file.seek(0)
        for stream, lines in groupby((line.rstrip(b"\n").split(b" ", 1) for line in self._file), key=itemgetter(0)):
            records = (record for _, record in lines)
            while batch := list(islice(records, BATCH)):
                yield stream.decode(), batch

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"The input does not fit into {self._folder} ({error.strerror}): free some space, or set "
                "`store_dir` to another one."
            ) from error


def strip_nul(record: bytes) -> bytes:
    """Return a record's JSON without NUL characters in its texts; the same object if there are none."""
    return NUL.sub(rb"\1", record) if b"\\u0000" in record else record
