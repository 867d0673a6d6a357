"""The shared code is in the repository once, and complete in every distribution."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIT = ROOT / "kit/singer_kit"
PACKAGES = {
    "console": "standpipe_console",
    "tap-chargebee": "tap_chargebee",
    "tap-intercom": "tap_intercom",
    "target-chartmogul": "target_chartmogul",
    "target-intercom": "target_intercom",
    "transforms": "standpipe_maps",
}
MODULES = sorted(path.name for path in KIT.iterdir() if path.suffix == ".py")


def build(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build the sdist and the wheel of a folder, with the build backend of this environment."""
    command: list[str | Path] = [Path(sys.executable).with_name("uv"), "build", "--out-dir", out, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("folder", "package"), PACKAGES.items(), ids=list(PACKAGES))
def test_every_package_carries_the_kit_as_a_relative_link(folder: str, package: str) -> None:
    """The link in git leads to `kit/singer_kit`."""
    assert (ROOT / folder / package / "_kit").readlink() == Path("../../kit/singer_kit")


@pytest.mark.parametrize("module", MODULES)
def test_the_kit_imports_no_plugin(module: str) -> None:
    """The kit's modules import each other relatively, and never a plugin."""
    imported = set()
    for node in ast.walk(ast.parse((KIT / module).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(str(node.module).split(".")[0])
    assert imported & {*PACKAGES.values(), "singer_kit"} == set()


def test_a_wheel_and_an_sdist_hold_real_files(tmp_path: Path) -> None:
    """Both contain files instead of links."""
    done = build(ROOT / "target-intercom", tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    (sdist,) = tmp_path.glob("*.tar.gz")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if "/_kit/" in name and name.endswith(".py")}
    assert held == {f"target_intercom/_kit/{module}" for module in MODULES}
    with tarfile.open(sdist) as archive:
        kept = [member for member in archive if "/_kit/" in member.name and member.name.endswith(".py")]
    assert sorted(member.name.rsplit("/", 1)[1] for member in kept) == MODULES
    assert all(member.isfile() for member in kept)


def test_the_console_carries_its_page(tmp_path: Path) -> None:
    """Wheel and sdist hold the templates and the stylesheet of `standpipe serve`."""
    done = build(ROOT / "console", tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    (sdist,) = tmp_path.glob("*.tar.gz")
    page = ROOT / "console/standpipe_console/page"
    wanted = {f"{path.parent.name}/{path.name}" for path in page.glob("*/*.*") if path.suffix != ".pyc"}
    assert "static/page.css" in wanted
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    assert {f"standpipe_console/page/{name}" for name in wanted} - in_wheel == set()
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"standpipe_console/page/{name}" for name in wanted} - in_sdist == set()


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_names_its_licence_authors_and_types(folder: str, tmp_path: Path) -> None:
    """A plugin's wheel contains its licence and its types."""
    done = build(ROOT / folder, tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    (licence,) = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    text = archive.read(metadata).decode()
    wanted = ["License-Expression: Apache-2.0", "Author: Standpipe maintainers", "Requires-Python: >=3.11", "Keywords:"]
    assert [line for line in wanted if line not in text] == []
    assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert f"{PACKAGES[folder]}/py.typed" in archive.namelist()


def test_a_package_without_the_kit_is_not_built(tmp_path: Path) -> None:
    """A folder that was copied alone has a dangling link. The build stops with one sentence."""
    alone = tmp_path / "tap-chargebee"
    shutil.copytree(ROOT / "tap-chargebee", alone, symlinks=True)
    done = build(alone, tmp_path / "out")
    assert done.returncode != 0
    said = "tap_chargebee/_kit is missing: clone the whole repository with git and symbolic links enabled."
    assert said in done.stderr
