# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets of any size, as the two modules would find them: every kind of finding, several mirrors, and hostile names.

The same size always gives the same fleet.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import yaml

from ansible_collections.pullthrough.docker.plugins.filter import audit_report

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "playbooks/audit.yml"
TEMPLATE = "ansible.builtin.template"
NEWEST = pathlib.Path(sys.executable).parent
OLDEST = ROOT / ".venv/core-2.14/bin"
"""The programs of the oldest ansible-core that the collection supports, which ``make page`` installs."""
GCR = "https://mirror.gcr.io/"
OWN = "https://registry-cache.fra1.infrastructure.example.com:5000/"
LONG = (
    "https://a-pull-through-cache-with-a-name-that-nobody-can-remember.eu-central-1.compute.internal.example.org:15443/"
)
HOSTILE = (
    "\"'></script></style><script>window.ran = 1</script>{{ 7 * 7 }}"
    '<img src=//evil.example/x onerror="window.ran = 2"> onmouseover=ran=3'
)
ENDLESS = "ip-10-20-30-40-" + "worker-node-of-the-autoscaling-group-" * 6 + "a"
SLOW = {GCR: 30, OWN: 4, LONG: 400}
"""Typical milliseconds."""


def _health(chance, url, **changes):
    answer = {
        "url": url, "verdict": "used", "usable": True, "reason": None, "failed_at": None, "silent": False,
        "proxy": None,
        "addresses": ["192.0.2.10"], "status": 200, "authentication": None, "redirected_to": None,
        "latency_ms": round(SLOW[url] * chance.lognormvariate(0, 0.4), 1), "images": [],
        "tls": {
            "version": "TLSv1.3", "verified": True, "not_after": "Mar  1 12:00:00 2027 GMT", "days_left": 394,
            "certificates": [],
        },
    }  # fmt: skip
    return {**answer, **changes}


def _dead(chance, url):
    reason = chance.choice(
        [
            f"no connection to {url.split('/')[2]} (192.0.2.10): timed out after 10 s",
            "tls: certificate verify failed: unable to get local issuer certificate (_ssl.c:992)",
            "it answers /v2/ with status 503 Service Unavailable",
        ]
    )
    found = {"verdict": "not_used", "usable": False, "reason": reason, "failed_at": "tcp", "silent": True}
    return _health(chance, url, **found, latency_ms=None, tls=None)


def _host(chance, kind):
    """Return what each of the two modules returns on a host with this finding."""
    if kind == "unreachable":
        why = "ssh: connect to host 10.1.2.3 port 22: No route to host"
        return {"unreachable": True, "msg": f"Task failed: Failed to connect to the host via ssh: {why}"}, None
    if kind == "failed":
        return {"failed": True, "msg": "Task failed: sudo: a password is required"}, None
    used = chance.choice([[GCR], [GCR], [GCR, OWN], [OWN, GCR], [GCR, LONG]])
    engine = {
        "service": "docker", "state": "running", "reason": None,
        "version": chance.choice(["28.5.2", "27.3.1", "26.1.5+dfsg1", "29.0.1"]), "pid": 712, "rootless": False,
        "live_restore": False, "containers_running": chance.randrange(60), "swarm_active": False,
        "image_store": "containerd",
    }  # fmt: skip
    sources = [
        {"source": "daemon_json", "path": "/etc/docker/daemon.json", "line": 3, "mirrors": used, "reason": None},
        {
            "source": "systemd_drop_in",
            "path": "/etc/systemd/system/docker.service.d/mirrors.conf",
            "line": None,
            "mirrors": [],
            "reason": None,
        },
    ]
    written = (
        f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        f"T{chance.randrange(24):02}:{chance.randrange(60):02}:00Z"
    )
    info = {
        "mirrors": used,
        "in_force": used,
        "drift_reasons": [],
        "conflicts": [],
        "cautions": [],
        "sources": sources,
        "engine": engine,
    }
    info["last_change"] = written
    mirrors = [_health(chance, url) for url in used]
    silent = {
        "version": None,
        "pid": None,
        "live_restore": None,
        "containers_running": None,
        "swarm_active": None,
        "image_store": None,
    }
    if kind == "engine_down":
        engine.update(
            silent,
            state="stopped",
            reason="the service docker is not running, it said: write /var/lib/docker/tmp: no space left on device",
        )
        info["in_force"], mirrors = None, None
    elif kind == "engine_stopped":
        engine.update(silent, state="stopped", reason="the service docker is not running")
        info["in_force"], mirrors = None, None
    elif kind == "no_engine":
        engine.update(silent, state="absent", reason="no dockerd was found")
        info.update(in_force=None, sources=[], mirrors=[], last_change=None)
        mirrors = None
    elif kind == "conflict":
        message = (
            "registry-mirrors stands in /etc/docker/daemon.json line 3 and as --registry-mirror in /etc/default/docker "
            "line 8: an engine does not start with both. Take it out of one."
        )
        info["conflicts"] = [
            {
                "setting": "registry-mirrors",
                "places": ["/etc/docker/daemon.json", "/etc/default/docker"],
                "message": message,
            }
        ]
        engine["version"] = "20.10.24+dfsg1"
    elif kind == "unreadable":
        sources[0].update(
            mirrors=None, reason="/etc/docker/daemon.json, line 4, column 5: a comma is missing before this key"
        )
        info["mirrors"] = None
    elif kind == "drift":
        info.update(
            mirrors=[*used, LONG],
            drift_reasons=[f"The file names {LONG}, which the engine does not use: it was not reloaded since."],
        )
    elif kind == "mirror_unusable":
        mirrors = [_dead(chance, url) for url in used]
    elif kind == "mirror_breaks_pulls":
        mirrors[0].update(verdict="breaks_pulls", usable=False, reason="it answers with a login page", failed_at="http")
    elif kind == "mirror_unknown":
        mirrors = [{**_dead(chance, url), "verdict": None, "usable": None} for url in used]
    elif kind == "caution":
        info["cautions"] = [
            "/etc/docker/certs.d/docker.io/hosts.toml, line 1: the host that is named there is asked instead of "
            "the registry mirrors."
        ]
    elif kind == "mirror_unused":
        info.update(mirrors=[LONG], in_force=[LONG])
        mirrors = [_health(chance, LONG)]
    elif kind == "certificate_ends":
        mirrors[0]["tls"].update(not_after="Feb  5 12:00:00 2026 GMT", days_left=5)
    elif kind == "old_engine":
        engine["version"] = "19.03.15"
    return info, mirrors


def _names(number):
    """Return names as fleets have them, with numbers for each role, and two names that nobody should use."""
    roles = ["build", "db", "web", "worker"]
    return [ENDLESS, HOSTILE, *(f"{roles[index % 4]}-{index // 4 + 1}" for index in range(number - 2))]


def report(number):
    """Return the report of a fleet of this size. Four of five hosts are well; the others show each finding."""
    chance = random.Random(number)
    kinds = list(audit_report.KINDS)
    states = (
        ["mirror_unused", "drift", "ok"]
        if number == 3
        else [kinds[index // 5 % len(kinds)] if index % 5 == 0 else "ok" for index in range(number)]
    )
    results = {}
    for name, state in zip(_names(number), states):
        info, mirrors = _host(chance, state)
        results[name] = {"audit_info": info, "audit_health": mirrors and {"mirrors": mirrors}}
    return audit_report.audit_report(results, wanted=[GCR], written_at="2026-01-31T12:00:00Z")


def hostile(value):
    """Return the value with hostile text after every text, including keys."""
    if isinstance(value, dict):
        return {hostile(key): hostile(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return value + HOSTILE if isinstance(value, str) else value


def _free(value, *fixed):
    """Return the value with hostile text after every text, except for the values of these keys, which are choices."""
    if isinstance(value, dict):
        return {key: inner if key in fixed else _free(inner, *fixed) for key, inner in value.items()}
    return [_free(inner, *fixed) for inner in value] if isinstance(value, list) else hostile(value)


def hostile_hosts():
    """Return a good host and hosts of an attacker, by name, as ``audit`` takes them."""
    chance = random.Random(7)
    info, mirrors = _host(chance, "conflict")
    info["engine"]["version"] = "28.5.2"
    info.update(drift_reasons=["x"], cautions=["x"])
    info["sources"].append({**info["sources"][0], "reason": "x", "mirrors": None})
    mirrors = [
        *mirrors,
        {
            **_dead(chance, GCR),
            "tls": {**mirrors[0]["tls"], "days_left": 3},
            "redirected_to": "x",
            "authentication": "x",
            "proxy": "x",
        },
    ]
    health = {"mirrors": mirrors}
    fixed = ("state", "source", "failed_at", "image_store", "verdict")
    running = {"engine": {"state": "running"}}
    good, _used = _host(chance, "ok")
    good["engine"]["version"] = "28.5.2"
    usual, asked = {**good, "in_force": [GCR]}, {"mirrors": [_health(chance, GCR)]}
    facts = {"docker_mirror_urls": [LONG], "audit_urls": [LONG], "audit_wanted": {"failed": True, "msg": "x"}}
    facts.update(dict.fromkeys(["audit_folder", "audit_report_folder"], "/dev/null/elsewhere"))
    elsewhere = {"ansible_facts": facts}
    hosts = {
        # First, as the tasks that run once take its variables.
        "facts": ({**usual, **elsewhere}, {**asked, **elsewhere}),
        "good": (usual, asked),
        "texts": (_free(info, *fixed), _free(health, *fixed)),
        "everything": ({**{key: hostile(value) for key, value in info.items()}, **running}, hostile(health)),
        "keys": (hostile(info), hostile(health)),
        "failed": ({"failed": True, "msg": HOSTILE, "exception": HOSTILE}, {}),
        "shapes": (
            {**info, "engine": {**info["engine"], "version": [HOSTILE], "pid": {HOSTILE: HOSTILE}}},
            {"mirrors": {HOSTILE: HOSTILE}},
        ),
        "no-json": (HOSTILE, [HOSTILE]),
    }
    return {name: (*results, {}) for name, results in hosts.items()}


def page(report, programs=NEWEST):
    """Return the page of a report."""
    return pages({"one": report}, programs)["one"]


def pages(reports, programs=NEWEST):
    """Return the page of each report. Ansible itself renders them, with the task of the playbook."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name, content in reports.items():
            (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        load = {
            "ansible.builtin.set_fact": {
                "audit_report": "{{ lookup('ansible.builtin.file', audit_report_folder ~ '.json') | from_json }}"
            }
        }
        make = {"ansible.builtin.file": {"path": "{{ audit_report_folder }}", "state": "directory", "mode": "0755"}}
        local = {"hosts": "localhost", "gather_facts": False, "tasks": [load, make, _rendering()]}
        plays = [{**local, "vars": {"audit_report_folder": str(folder / name)}} for name in reports]
        (folder / "play.yml").write_text(json.dumps(plays), encoding="utf-8")
        ansible_playbook(folder / "play.yml", programs=programs)
        return {name: (folder / name / "report.html").read_text(encoding="utf-8") for name in reports}


def _rendering():
    """Return the playbook's task that renders the page, with an absolute path of the template."""
    (play,) = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    (task,) = [task for task in _tasks(play["tasks"]) if TEMPLATE in task]
    return {**task, TEMPLATE: {**task[TEMPLATE], "src": str(PLAYBOOK.parent / "templates" / task[TEMPLATE]["src"])}}


def _tasks(tasks):
    for task in tasks:
        yield task
        yield from _tasks(task.get("block", []))


def ansible_playbook(playbook, *arguments, collections=None, programs=NEWEST):
    """Run a playbook with the local machine as its hosts, and return what it printed."""
    environment = dict(
        os.environ,
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
        ANSIBLE_NOCOLOR="true",
    )
    if collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    command = [programs / "ansible-playbook", *arguments, playbook]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


STAND_IN = """#!/usr/bin/python
# WANT_JSON
import json, pathlib, sys
options = json.loads(pathlib.Path(sys.argv[1]).read_text())
print(pathlib.Path(options["service"], "NAME.json").read_text())
"""
"""A module that returns a file of a folder. It stands for a host that can return anything."""


def audit(folder, hosts, *arguments):
    """Run the playbook audit on hosts that return these results and have these variables: (info, health, variables).

    Returns the report, the page, and what was printed.
    """
    copy = folder / "collections/ansible_collections/pullthrough/docker"
    for part in ("plugins/filter", "plugins/module_utils", "plugins/plugin_utils", "playbooks", "roles", "meta"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", copy)
    (copy / "plugins/modules").mkdir()
    variables = {}
    for number, (name, (*results, given)) in enumerate(hosts.items()):
        place = folder / str(number)
        place.mkdir()
        variables[name] = {**given, "docker_mirror_service": str(place)}
        for module, result in zip(("registry_mirrors_info", "registry_mirrors_health_info"), results):
            (place / f"{module}.json").write_text(json.dumps(result), encoding="utf-8")
            (copy / f"plugins/modules/{module}.py").write_text(STAND_IN.replace("NAME", module), encoding="utf-8")
    everywhere = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    everywhere["audit_folder"] = str(folder / "out")
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": variables, "vars": everywhere}}), encoding="utf-8")
    printed = ansible_playbook(
        "pullthrough.docker.audit", "-i", folder / "hosts.yml", *arguments, collections=folder / "collections"
    )
    written = json.loads((folder / "out/report.json").read_text(encoding="utf-8"))
    return written, (folder / "out/report.html").read_text(encoding="utf-8"), printed
