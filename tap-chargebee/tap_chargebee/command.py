"""What the command line hands over, checked before anything is read."""

from __future__ import annotations

import io
import json
from typing import IO, TYPE_CHECKING

from tap_chargebee.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable


def refuse(problems: list[str]) -> None:
    """End in a sentence, when there is any.

    Raises:
        Refusal: there is.
    """
    if problems:
        raise Refusal(" ".join(problems))


def checked(file: IO[str] | None, option: str, problems: Callable[[object], list[str]]) -> IO[str] | None:
    """A file of the command line, once it is known to hold what it should.

    Raises:
        Refusal: it does not.
    """
    if file is None:
        return None
    try:
        text = file.read()
        refuse(problems(json.loads(text)))
    except (ValueError, RecursionError) as error:
        raise Refusal(f"The file of {option} is not JSON: {error}") from error
    return io.StringIO(text)
