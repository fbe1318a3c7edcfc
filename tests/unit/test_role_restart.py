# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role after a change that needs a restart. Stubs replace the modules, so the tests need no engine."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLD, NEW = ["https://old.example/"], ["https://new.example/"]
DOWN = {
    "in_force": None,
    "drift_reasons": [],
    "engine": {"state": "stopped", "pid": None, "reason": "the service docker is not running"},
}
HUNG = {**DOWN, "engine": {"state": "unreachable", "pid": 9, "reason": "no answer on /var/run/docker.sock"}}

STUBS = {
    # Returns the result that the test wrote.
    "registry_mirrors": "print((folder / 'declared.json').read_text())",
    "registry_mirrors_health_info": "print(json.dumps({'changed': False, 'mirrors': [], 'usable_mirrors': []}))",
    # Waits for the whole timeout. Each call returns the next answer, or the last one again.
    "registry_mirrors_info": """
with (folder / "calls").open("a") as calls:
    calls.write(".")
time.sleep(options["timeout"])
answers = json.loads((folder / "answers.json").read_text())
print(json.dumps(answers[min(len((folder / "calls").read_text()), len(answers)) - 1]))
""",
    "stub_service": "print(json.dumps({'changed': True}))",
}
MODULE = """#!/usr/bin/python
# WANT_JSON
import json, pathlib, sys, time
options = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(options.get("service", "/"))
"""


class Run:
    """One run of the role: its exit code, its output, and how often it queried the engine.

    :param edit: what someone else wrote to the file during the run.
    """

    def __init__(self, folder, answers, edit=None, **variables):
        collection = folder / "collections/ansible_collections/pullthrough/docker"
        for part in ("roles", "meta", "plugins"):
            shutil.copytree(ROOT / part, collection / part)
        shutil.copy(ROOT / "galaxy.yml", collection)
        for name, code in STUBS.items():
            (collection / f"plugins/modules/{name}.py").write_text(MODULE + code)
        # Where systemd runs, the role calls systemctl. It must not reach the real one.
        (folder / "bin").mkdir()
        (folder / "bin/systemctl").write_text("#!/bin/sh\n")
        (folder / "bin/systemctl").chmod(0o755)
        self.file, copy = folder / "daemon.json", folder / "copy"
        self.file.write_text(edit or "new")
        copy.write_text("old")
        backup = {"path": str(self.file), "backup_file": str(copy), "checksum": hashlib.sha256(b"new").hexdigest()}
        declared = {"changed": True, "pending": "restart", "pending_reasons": ["It is a flag."], "backups": [backup]}
        declared.update(mirrors=NEW, previous_mirrors=OLD, in_force=OLD, path=str(self.file), reloaded=False, diff=[])
        declared["engine"] = {"state": "running", "pid": 7, "rootless": False, "service": "docker"}
        declared["engine"].update(version="26.1.5", containers_running=3, live_restore=False)
        (folder / "declared.json").write_text(json.dumps(declared))
        (folder / "answers.json").write_text(json.dumps(answers))
        (folder / "calls").write_text("")
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "environment": {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
            "module_defaults": {"ansible.builtin.service": {"use": "pullthrough.docker.stub_service"}},
            "vars": {
                "ansible_python_interpreter": sys.executable,
                "docker_mirror_service": str(folder),
                "docker_mirror_urls": NEW,
                **{f"docker_mirror_{name}": value for name, value in variables.items()},
            },
            "roles": ["pullthrough.docker.docker_mirror"],
        }
        (folder / "play.yml").write_text(json.dumps([play]))
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
        }
        command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), folder / "play.yml"]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        self.code, self.output = done.returncode, done.stdout + done.stderr
        self.calls = len((folder / "calls").read_text())


def engine(mirrors, pid):
    return {"in_force": mirrors, "drift_reasons": [], "engine": {"state": "running", "pid": pid, "reason": None}}


def test_the_restart_timeout_is_in_seconds(tmp_path):
    """An engine that takes 2 s for each answer gets one query in 2 s, not one for each of the 2 seconds."""
    run = Run(tmp_path, [DOWN], timeout=2, restart_timeout="2")
    assert run.code == 2 and "THE ENGINE IS DOWN" in run.output, run.output
    # After the restart, before the role puts the file back, after the second restart, and for the message.
    assert run.calls == 4, run.output
    assert run.file.read_text() == "old"


def test_the_role_waits_until_the_mirrors_are_in_force(tmp_path):
    """The process from before the restart does not count, even if it shows the mirrors."""
    run = Run(tmp_path, [DOWN, engine(NEW, 7), engine(OLD, 8), engine(NEW, 8)], timeout=0, restart_timeout=60)
    assert run.code == 0 and run.calls == 4, run.output
    assert run.file.read_text() == "new" and not (tmp_path / "copy").exists()
    line = f"localhost: in force {NEW[0]} (was: {OLD[0]}); restarted, containers stopped: 3; engine 26.1.5"
    assert line in run.output, run.output


def test_the_role_puts_the_file_back_and_restarts_the_engine(tmp_path):
    run = Run(tmp_path, [DOWN, DOWN, engine(OLD, 9)], timeout=0, restart_timeout=1)
    assert run.code == 2 and "the service docker is not running" in run.output, run.output
    assert "THE ENGINE IS DOWN" not in run.output and run.file.read_text() == "old"


STATES = {
    # what the engine shows last: the beginning of the message
    "stopped": (DOWN, "THE ENGINE IS DOWN. It does not start with"),
    "hung": (HUNG, "THE ENGINE MAY BE DOWN. It is unreachable: no answer on /var/run/docker.sock."),
    "other mirrors": (
        engine(NEW, 9),
        f"THE ENGINE RUNS, but not with its previous mirrors ({OLD[0]}): it uses {NEW[0]}.",
    ),
    "no answer": ({"failed": True, "msg": "no python"}, "THE ENGINE MAY BE DOWN. It could not be asked: no python."),
}


@pytest.mark.parametrize(("last", "words"), STATES.values(), ids=STATES)
def test_only_an_engine_that_is_known_to_be_down_is_called_down(tmp_path, last, words):
    run = Run(tmp_path, [DOWN, DOWN, DOWN, last], timeout=0, restart_timeout=1)
    assert run.code == 2 and words in run.output and run.file.read_text() == "old", run.output
    assert ("THE ENGINE IS DOWN" in run.output) is (last is DOWN), run.output
    assert "The change did not take effect: the service docker is not running." in run.output, run.output


def test_a_file_that_someone_else_changed_is_named(tmp_path):
    run = Run(tmp_path, [DOWN, DOWN, engine(OLD, 9)], edit="theirs", timeout=0, restart_timeout=1)
    assert run.file.read_text() == "theirs" and (tmp_path / "copy").read_text() == "old", run.output
    words = f"The role left {run.file} as it is, because someone else changed it during this run; the text from before"
    assert words in run.output and f"is in {tmp_path / 'copy'}" in run.output, run.output
    assert "The role restored" not in run.output, run.output
