# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets of any size, as the two modules would find them: every kind of finding, several mirrors, and names that are meant ill. Always the same."""

from __future__ import annotations

import pathlib
import random

import jinja2

from ansible_collections.pullthrough.docker.plugins.filter import audit_report

ROOT = pathlib.Path(__file__).resolve().parents[2]
GCR = "https://mirror.gcr.io/"
OWN = "https://registry-cache.fra1.infrastructure.example.com:5000/"
LONG = "https://a-pull-through-cache-with-a-name-that-nobody-can-remember.eu-central-1.compute.internal.example.org:15443/"
HOSTILE = "\"'><script>alert(1)</script>{{ 7 * 7 }}<img src=//evil.example/x onerror=alert(2)>"
ENDLESS = "ip-10-20-30-40-" + "worker-node-of-the-autoscaling-group-" * 6 + "a"
SLOW = {GCR: 30, OWN: 4, LONG: 400}
"""Typical milliseconds."""


def _health(chance, url, **changes):
    answer = {
        "url": url, "usable": True, "reason": None, "failed_at": None, "silent": False, "proxy": None, "addresses": ["192.0.2.10"], "status": 200,
        "authentication": None, "redirected_to": None, "latency_ms": round(SLOW[url] * chance.lognormvariate(0, 0.4), 1), "images": [],
        "tls": {"version": "TLSv1.3", "verified": True, "not_after": "Mar  1 12:00:00 2027 GMT", "days_left": 394, "certificates": []},
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
    return _health(chance, url, usable=False, reason=reason, failed_at="tcp", silent=True, latency_ms=None, tls=None)


def _host(chance, kind):
    """What the modules return on a host with this finding: the result of the one, and of the other."""
    if kind == "unreachable":
        why = "ssh: connect to host 10.1.2.3 port 22: No route to host"
        return {"unreachable": True, "msg": f"Task failed: Failed to connect to the host via ssh: {why}"}, None
    if kind == "failed":
        return {"failed": True, "msg": "Task failed: sudo: a password is required"}, None
    used = chance.choice([[GCR], [GCR], [GCR, OWN], [OWN, GCR], [GCR, LONG]])
    engine = {
        "service": "docker", "state": "running", "reason": None, "version": chance.choice(["28.5.2", "27.3.1", "26.1.5+dfsg1", "29.0.1"]), "pid": 712,
        "rootless": False, "live_restore": False, "containers_running": chance.randrange(60), "swarm_active": False, "image_store": "containerd",
    }  # fmt: skip
    sources = [
        {"source": "daemon_json", "path": "/etc/docker/daemon.json", "line": 3, "mirrors": used, "reason": None},
        {"source": "systemd_drop_in", "path": "/etc/systemd/system/docker.service.d/mirrors.conf", "line": None, "mirrors": [], "reason": None},
    ]
    written = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T{chance.randrange(24):02}:{chance.randrange(60):02}:00Z"
    info = {"mirrors": used, "in_force": used, "drift_reasons": [], "conflicts": [], "cautions": [], "sources": sources, "engine": engine}
    info["last_change"] = written
    mirrors = [_health(chance, url) for url in used]
    silent = {"version": None, "pid": None, "live_restore": None, "containers_running": None, "swarm_active": None, "image_store": None}
    if kind == "engine_down":
        engine.update(silent, state="stopped", reason="the service docker is not running, it said: write /var/lib/docker/tmp: no space left on device")
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
            "registry-mirrors stands in /etc/docker/daemon.json line 3 and as --registry-mirror in /etc/default/docker line 8: an engine does not start "
            "with both. Take it out of one."
        )
        info["conflicts"] = [{"setting": "registry-mirrors", "places": ["/etc/docker/daemon.json", "/etc/default/docker"], "message": message}]
        engine["version"] = "20.10.24+dfsg1"
    elif kind == "unreadable":
        sources[0].update(mirrors=None, reason="/etc/docker/daemon.json, line 4, column 5: a comma is missing before this key")
        info["mirrors"] = None
    elif kind == "drift":
        info.update(mirrors=[*used, LONG], drift_reasons=[f"The file names {LONG}, which the engine does not use: it was not reloaded since."])
    elif kind == "mirror_unusable":
        mirrors = [_dead(chance, url) for url in used]
    elif kind == "caution":
        info["cautions"] = ["/etc/docker/certs.d/docker.io/hosts.toml, line 1: a host that is named there is asked in place of the registry mirrors."]
    elif kind == "mirror_unused":
        info.update(mirrors=[LONG], in_force=[LONG])
        mirrors = [_health(chance, LONG)]
    elif kind == "certificate_ends":
        mirrors[0]["tls"].update(not_after="Feb  5 12:00:00 2026 GMT", days_left=5)
    elif kind == "old_engine":
        engine["version"] = "19.03.15"
    return info, mirrors


def _names(number):
    """Names as fleets have them, each role with its own numbers, and two that no one should have given."""
    roles = ["build", "db", "web", "worker"]
    return [ENDLESS, HOSTILE, *(f"{roles[index % 4]}-{index // 4 + 1}" for index in range(number - 2))]


def report(number):
    """The report of a fleet with so many hosts: of each five, four are well, as long as every kind of finding has a host."""
    chance = random.Random(number)
    kinds = list(audit_report.KINDS)
    states = ["mirror_unused", "drift", "ok"] if number == 3 else [kinds[index // 5 % len(kinds)] if index % 5 == 0 else "ok" for index in range(number)]
    results = {}
    for name, state in zip(_names(number), states):
        info, mirrors = _host(chance, state)
        results[name] = {"audit_info": info, "audit_health": mirrors and {"mirrors": mirrors}}
    return audit_report.audit_report(results, wanted=[GCR], written_at="2026-01-31T12:00:00Z")


def page(said):
    """As Ansible renders it."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return environment.from_string((ROOT / "playbooks/templates/report.html.j2").read_text()).render(audit_report=said)
