# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tools/run shows. Stubs replace Ansible, the installation and docker."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

from ansible_collections.pullthrough.docker.plugins.filter.configure_summary import configure_summary
from ansible_collections.pullthrough.docker.plugins.filter.mirror_status import mirror_status
from ansible_collections.pullthrough.docker.tests.unit.role_fleet import ADDED, GCR

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST = {"host": "localhost", "results": [ADDED], "pid": 7, "failure": ""}
(LINE,) = mirror_status(ADDED, "localhost", [GCR])
(SUMMARY,) = configure_summary([HOST], ["localhost"])["lines"]
WARNING = "[WARNING]: The mirror cannot be used"
LOG = f"""
{WARNING}
{WARNING}
TASK [pullthrough.docker.docker_mirror : Validating arguments] ****
ok: [localhost] => {{
    "msg": [
        "not this"
    ]
}}

TASK [pullthrough.docker.docker_mirror : Show what is in force] ****
ok: [localhost] => {{
    "msg": [
        "{LINE}",
        "a second line"
    ]
}}

TASK [Show the summary] ****
ok: [localhost] => {{
    "msg": [
        "the first wave"
    ]
}}

TASK [Show the summary] ****
ok: [localhost -> localhost] => {{
    "msg": [
        "{SUMMARY}"
    ]
}}

PLAY RECAP ****
"""
DOCKER = "#!/bin/sh\nprintf ' Insecure: none\\n Registry Mirrors:\\n  https://mirror.gcr.io/\\n Live: no\\n'\n"


@pytest.fixture
def run(tmp_path):
    """Run tools/run in a copy of the checkout, where Ansible prints LOG."""
    for name in ("tools/run", "roles/docker_mirror/defaults/main.yml"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / name)

    def stub(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    stub("tools/venv", "#!/bin/sh\n")
    stub("tools/engine", "#!/bin/sh\necho Installing\n")
    stub("tools/as-root", '#!/bin/sh\nexec "$@"\n')
    stub("bin/docker", DOCKER)
    (tmp_path / "log").write_text(LOG)
    (tmp_path / "hosts").write_text("localhost\n")

    def call(*words, code=0, **variables):
        stub(".venv/run/bin/ansible-playbook", f"#!/bin/sh\ncat {tmp_path}/log\nexit {code}\n")
        environment = {**os.environ, **variables, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
        environment = {key: value for key, value in environment.items() if key != "V" or "V" in variables}
        done = subprocess.run(
            ["bash", tmp_path / "tools/run", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = tmp_path / "build/run.log"
        return done.returncode, done.stdout.splitlines(), log.read_text() if log.exists() else None

    return call


def test_this_machine(run):
    code, lines, log = run("present", "")
    assert (code, log) == (0, LOG)
    assert lines == [
        "Installing",
        "Ansible runs. Its output goes to build/run.log (to see it: V=1).",
        WARNING,
        LINE,
        "a second line",
        SUMMARY,
        "",
        "docker system info says:",
        " Registry Mirrors:",
        "  https://mirror.gcr.io/",
        "To undo: make undo",
    ]


def test_the_readme_shows_the_last_lines_of_a_run(run):
    lines = run("present", "")[1]
    end = [line for line in lines[lines.index(LINE) :] if line != "a second line"]
    assert "```text\n{}\n```".format("\n".join(end)) in (ROOT / "README.md").read_text()


def test_the_hosts_of_an_inventory(run):
    """A line for each host would be too much."""
    code, lines, _log = run("present", "hosts")
    assert code == 0 and lines[1:] == [WARNING, SUMMARY]


@pytest.mark.parametrize("inventory", ["", "hosts"])
def test_a_failure_is_shown_in_full(run, inventory):
    code, lines, log = run("present", inventory, code=2)
    assert (code, log) == (2, LOG) and "\n".join(lines).endswith(LOG.rstrip("\n")), lines


@pytest.mark.parametrize(("words", "variables"), [(["-vv"], {}), ([], {"V": "1"})])
def test_all_output_is_shown_on_request(run, words, variables):
    code, lines, log = run("present", "hosts", *words, **variables)
    assert (code, lines, log) == (0, LOG.splitlines(), None)
