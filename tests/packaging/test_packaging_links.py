"""Links between the documents lead to an existing file and heading."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
PAGES = LISTED.split()


def list_anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_a_links_file_and_heading_exist(name: str) -> None:
    """Every relative link of a page has an existing target."""
    page = ROOT / name
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in list_anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_files_that_the_architecture_names_exist() -> None:
    """Each quoted path in docs/architecture.md exists in the repository."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    paths = {quoted for quoted in re.findall(r"`([\w.-]+/[\w./-]+)`", text) if (ROOT / quoted.split("/")[0]).exists()}
    assert len(paths) > 20
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
