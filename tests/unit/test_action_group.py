# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One entry of ``module_defaults`` sets the defaults of all modules."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import yaml

from ansible_collections.pullthrough.docker.plugins import module_utils
from ansible_collections.pullthrough.docker.tests.unit import documentation

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTIONS = pathlib.Path(next(iter(module_utils.__path__))).parents[4]
TASKS = {
    "daemon_config": {"settings": {"debug": True}},
    "registry_mirrors": {"mirrors": ["https://mirror.gcr.io"]},
    "registry_mirrors_canary": {"images": ["alpine"]},
    "registry_mirrors_health_info": {"mirrors": []},
    "registry_mirrors_info": {},
}


def test_the_group_has_all_modules_about_the_engine():
    """The other modules share no option with them. A default of the group would make them fail."""
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["docker"]
    others = ("client_", "registry_cache")
    assert group == list(TASKS) == [name for name in documentation.MODULES if not name.startswith(others)]


def test_a_default_of_the_group_reaches_each_module(tmp_path):
    """The modules got a default if they refuse a wrong one."""
    tasks = [
        {f"pullthrough.docker.{name}": options, "register": name, "ignore_errors": True}
        for name, options in TASKS.items()
    ]
    refused = [f"'not-a-number' in {name}.msg" for name in TASKS]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/pullthrough.docker.docker": {"timeout": "not-a-number"}},
        "tasks": [*tasks, {"ansible.builtin.assert": {"that": refused}}],
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump([play]))
    ansible = pathlib.Path(sys.executable).with_name("ansible-playbook")
    here = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(
        [ansible, *here, playbook],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
