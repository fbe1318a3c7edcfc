# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible runs the role or a playbook on a fleet whose modules return what a test wants."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GCR, OWN = "https://mirror.gcr.io/", "https://cache.example/"
ENGINE = {
    "service": "docker",
    "state": "running",
    "version": "26.1.5",
    "pid": 7,
    "rootless": False,
    "live_restore": False,
    "containers_running": 3,
}
SAME = {
    "changed": False,
    "path": "/etc/docker/daemon.json",
    "mirrors": [GCR],
    "previous_mirrors": [GCR],
    "in_force": [GCR],
    "reloaded": False,
    "pending": "none",
    "pending_reasons": [],
    "backups": [],
    "diff": [],
    "engine": ENGINE,
}
"""What registry_mirrors returns if there is nothing to do."""

ADDED = {
    **SAME,
    "changed": True,
    "previous_mirrors": [],
    "reloaded": True,
    "diff": [
        {"before_header": "/etc/docker/daemon.json", "after_header": "x", "before": "{}", "after": "{1}"},
        {"before_header": "engine", "after_header": "engine", "before": "", "after": f"{GCR}\n"},
    ],
}
"""What registry_mirrors returns if it added the mirror."""

STOPPED = {**SAME, "in_force": None, "engine": {**ENGINE, "state": "stopped", "version": None, "pid": None}}
ABSENT = {**STOPPED, "changed": True, "previous_mirrors": [], "diff": ADDED["diff"][:1]}
ABSENT["engine"] = {**STOPPED["engine"], "state": "absent"}
USABLE = {"changed": False, "usable_mirrors": [GCR], "mirrors": [{"url": GCR, "verdict": "used", "reason": None}]}
DEAD = {
    "changed": False,
    "usable_mirrors": [],
    "mirrors": [{"url": GCR, "verdict": "not_used", "reason": "no connection"}],
}
BREAKING = {
    "changed": False,
    "usable_mirrors": [GCR],
    "mirrors": [*USABLE["mirrors"], {"url": OWN, "verdict": "breaks_pulls", "reason": "a page"}],
}

STAND_IN = """#!/usr/bin/python
# WANT_JSON
import json, pathlib, sys
options = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(options["service"] if "service" in options else options["data"])
(folder / "NAME.options").write_text(json.dumps(options))
with (folder / "calls").open("a") as calls:
    calls.write("NAME" + (" in check mode" if options["_ansible_check_mode"] else "") + "\\n")
print((folder / "NAME.json").read_text())
"""
MODULES = (
    "registry_mirrors",
    "registry_mirrors_info",
    "registry_mirrors_health_info",
    "registry_mirrors_canary",
    "daemon_config",
    "registry_cache",
)


class Fleet:
    """Hosts that return the given results: for each host, a dictionary with the result of each module."""

    def __init__(self, folder, hosts, **groups):
        self.folder = folder
        copy = folder / "collections/ansible_collections/pullthrough/docker"
        for part in ("plugins/filter", "plugins/module_utils", "plugins/plugin_utils", "playbooks", "roles", "meta"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "galaxy.yml", copy)
        (copy / "plugins/modules").mkdir()
        for name in MODULES:
            (copy / f"plugins/modules/{name}.py").write_text(STAND_IN.replace("NAME", name))
        variables = {}
        for host, results in hosts.items():
            place = folder / "hosts" / host
            place.mkdir(parents=True)
            for name, result in results.items():
                (place / f"{name}.json").write_text(json.dumps(result))
            variables[host] = {"docker_mirror_service": str(place), "registry_cache_data": str(place)}
        everywhere = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        everywhere["ansible_become"] = False
        children = {group: {"hosts": dict.fromkeys(members)} for group, members in groups.items()}
        inventory = {"hosts": variables, "vars": everywhere, "children": children}
        (folder / "hosts.yml").write_text(json.dumps({"all": inventory}))

    def options(self, host, name):
        """Return the options that a module got on a host when it last ran there."""
        return json.loads((self.folder / "hosts" / host / f"{name}.options").read_text())

    def calls(self, host):
        """Return the modules that ran on a host since the last call, and forget them."""
        path = self.folder / "hosts" / host / "calls"
        names = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return names

    def run(self, play, *arguments, **variables):
        """Run a playbook of the collection, or a list of plays, and return exit code, recap by host, and output."""
        if not isinstance(play, str):
            (self.folder / "play.yml").write_text(json.dumps(play))
            play = str(self.folder / "play.yml")
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "PWD": str(self.folder),
        }
        command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", self.folder / "hosts.yml", play]
        done = subprocess.run(
            [*command, "-e", json.dumps(variables), *arguments],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        recap = re.findall(r"^(\S+) +: (ok=\d.*)$", done.stdout, re.MULTILINE)
        counts = {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)} for host, line in recap}
        return done.returncode, counts, done.stdout


def role(**variables):
    """Return a play with the role."""
    use = {"role": "pullthrough.docker.docker_mirror", **{f"docker_mirror_{key}": variables[key] for key in variables}}
    return [{"hosts": "all", "gather_facts": False, "roles": [use]}]
