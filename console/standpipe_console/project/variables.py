"""Settings of the console itself, as variables of the shell or of `.env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project


def read_number(project: Project, variable: str, least: float, default: float) -> float:
    """Return a variable as a number.

    Raises:
        ConsoleError: it is not a number, or too small.
    """
    text = project.get_variable(variable)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number < float("inf"):
        raise ConsoleError(f"{variable} must be a number of at least {least:g}, but is `{text}`.")
    return number
