# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the plugins, as Ansible reads it."""

from __future__ import annotations

import pathlib

from typing import Any, Dict, Tuple

from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
FILTERS = sorted(path.stem for path in (PLUGINS / "filter").glob("*.py"))


def read(kind: str, name: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Return the documentation of a module or filter, with its fragments, and that of its return values."""
    path = PLUGINS / {"module": "modules", "filter": "filter"}[kind] / f"{name}.py"
    found = get_docstring(str(path), fragment_loader, collection_name="pullthrough.docker", plugin_type=kind)
    return found[0], found[2] or {}
