"""The folders of an environment, so that several environments of one project may run at the same time.

Meltano keeps settings, catalogs and states of a run under fixed names in one folder. The default environment has that
folder for itself, as a bare `meltano run` does. Every other one gets `.meltano/env/NAME`, with links to what all share:
the installed plugins, the stores of the maps, and Meltano's own database.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from standpipe_console.project.pipelines import build_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from standpipe_console._kit.json_types import JsonObject

#: The folders of plugins in Meltano's folder, by the kinds of plugins in meltano.yml, and that of the maps' stores.
_SHARED_FOLDERS = ("extractors", "loaders", "mappers", "utilities", "transforms")
#: Meltano's database, with the states of all environments.
DATABASE = "meltano.db"
_ENVIRONMENTS = "env"
#: What begins the folder of a target's reports in meltano.yml.
_OUTPUT = "$MELTANO_PROJECT_ROOT/output/"


def find_shared_dir(system_dir: Path) -> Path:
    """Return the project's Meltano folder for a folder that may be the one of an environment."""
    is_own = system_dir.parent.name == _ENVIRONMENTS and (system_dir / DATABASE).is_symlink()
    return system_dir.parent.parent if is_own else system_dir


def find_own_dir(shared: Path, environment: str) -> Path:
    """Return the folder of an environment that is not the default."""
    return shared / _ENVIRONMENTS / environment


def make_own_dir(shared: Path, own: Path) -> None:
    """Make the folder of an environment, with links to what all environments share."""
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _SHARED_FOLDERS:
        (shared / name).mkdir(exist_ok=True)
    for name in (*_SHARED_FOLDERS, DATABASE):
        with suppress(FileExistsError):
            (own / name).symlink_to(Path("..", "..", name))


def build_folder_variables(meltano_yml: JsonObject, environment: str, output: Path) -> dict[str, str]:
    """Return the variables that lead the targets' reports and memories to a folder of the environment.

    Args:
        meltano_yml: the content of meltano.yml.
        environment: the name of the environment. A folder in the environment's own configuration is kept.
        output: the folder that replaces `output/`.
    """
    own = set(_list_own_settings(meltano_yml, environment))
    return {
        build_variable(loader["name"], setting): str(output / value.removeprefix(_OUTPUT))
        for loader in _list_loaders(meltano_yml)
        for setting, value in _list_values(loader)
        if isinstance(value, str) and value.startswith(_OUTPUT) and (loader["name"], setting) not in own
    }


def separate_file(url: str, environment: str) -> str:
    """Return the address of a database for one environment: in SQLite a file of its own beside the named one.

    On a server, the environment has a schema of its own.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        return url  # who opens it says what is wrong
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return url
    path = Path(parsed.database)
    own = path.with_name(f"{path.stem}.{environment}{path.suffix}")
    return parsed.set(database=str(own)).render_as_string(hide_password=False)


def _list_loaders(content: JsonObject) -> list[dict[str, Any]]:
    return (content.get("plugins") or {}).get("loaders") or []


def _list_values(loader: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each setting of a loader that has a value in meltano.yml."""
    for setting in loader.get("settings") or []:
        yield setting["name"], setting.get("value")
    yield from (loader.get("config") or {}).items()


def _list_own_settings(meltano_yml: JsonObject, environment: str) -> Iterator[tuple[str, str]]:
    """Yield the loaders' settings that an environment of meltano.yml sets for itself."""
    for one in meltano_yml.get("environments") or []:
        if one["name"] == environment:
            for loader in _list_loaders(one.get("config") or {}):
                yield from ((loader["name"], setting) for setting in loader.get("config") or {})
