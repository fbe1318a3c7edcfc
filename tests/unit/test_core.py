# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible itself must find in the collection. ``make cores`` runs these tests on older versions too."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.pullthrough.docker.tests.unit.role_fleet import SAME, Fleet, role

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = {
    "module": [path.stem for path in ROOT.glob("plugins/modules/*.py")],
    "filter": [path.stem for path in ROOT.glob("plugins/filter/*.py")],
    "role": [path.name for path in ROOT.glob("roles/*")],
}


def program(name, *words):
    """Run a program of Ansible, and return its exit code, and what it printed to standard output and to errors."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"),
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
    command = [pathlib.Path(sys.executable).with_name(name), *words]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("kind", PLUGINS)
def test_ansible_doc_reads_everything(kind):
    names = {f"pullthrough.docker.{name}" for name in PLUGINS[kind]}
    code, out, errors = program("ansible-doc", "--type", kind, "--json", *names)
    assert code == 0 and names, errors
    assert set(json.loads(out)) == names, errors


def test_a_module_runs_and_this_ansible_is_supported(tmp_path):
    path = tmp_path / "daemon.json"
    options = {"mirrors": ["https://cache.example"], "path": str(path), "service": "none-such"}
    call = ["ansible", "localhost", "-m", "pullthrough.docker.registry_mirrors", "-a", json.dumps(options)]
    call += ["-e", f"ansible_python_interpreter={sys.executable}"]
    for expected in ("CHANGED", "SUCCESS"):
        code, out, errors = program(*call)
        assert code == 0 and f"localhost | {expected}" in out, out + errors
        assert "does not support Ansible" not in errors
    assert json.loads(path.read_text()) == {"registry-mirrors": ["https://cache.example"]}


def test_a_wrong_argument_of_the_role_is_refused(tmp_path):
    fleet = Fleet(tmp_path, {"host": {"registry_mirrors": SAME}})
    code, _counts, out = fleet.run(role(state="gone"))
    assert code == 2 and "docker_mirror_state" in out and "absent" in out, out
    assert fleet.calls("host") == []
