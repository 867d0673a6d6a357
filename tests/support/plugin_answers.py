"""What the plugins say about themselves, asked once for all tests of a worker."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from standpipe_console.project.plugin_facts import PluginFacts, read_facts


@cache
def ask_plugin(plugin: str) -> PluginFacts:
    """Return what a plugin says about itself."""
    return read_facts(plugin, Path(sys.executable).with_name(plugin))
