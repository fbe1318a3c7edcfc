# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that changes nothing imports. Python compiles all of it on the host, in each run."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

from ansible_collections.pullthrough.docker.plugins import module_utils

COLLECTIONS = pathlib.Path(next(iter(module_utils.__path__))).parents[4]
LATER = {
    "_change.debug_log",
    "_change.execute",
    "_change.file_change",
    "_host.engine_log",
    "_host.run_lock",
    "_host.transaction",
    "_rules.ca_certificates",
    "_rules.pull_rules",
    "_text.json_text",
    "_text.options_editor",
    "_text.toml_reader",
    "_text.toml_scalar",
    "_text.toml_text",
}
"""The modules of module_utils that only a change or a rare file needs."""
LIST = """
import json, sys
import ansible_collections.pullthrough.docker.plugins.modules.registry_mirrors
print(json.dumps([name.partition(".module_utils.")[2] for name in sys.modules if "pullthrough" in name]))
"""


def test_what_only_a_change_needs_is_imported_later():
    done = subprocess.run(
        [sys.executable, "-c", LIST], env={"PYTHONPATH": str(COLLECTIONS)}, capture_output=True, text=True, check=True
    )
    imported = set(json.loads(done.stdout))
    folder = COLLECTIONS / "ansible_collections/pullthrough/docker/plugins/module_utils"
    assert all((folder / f"{name.replace('.', '/')}.py").is_file() for name in LATER)
    assert "_change.task" in imported and not imported & LATER
