# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet in every state that the audit knows: the modules' results on each host, and the expected report."""

from __future__ import annotations

import copy
import json
import pathlib

from ansible_collections.pullthrough.docker.plugins.filter import audit_report

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text())
GCR, OWN = "https://mirror.gcr.io/", "https://cache.example/"
INFO = {
    "in_force": [GCR],
    "mirrors": [GCR],
    "drift_reasons": [],
    "last_change": "2026-01-30T10:00:00Z",
    "conflicts": [],
    "cautions": [],
    "sources": [
        {"source": "daemon_json", "path": "/etc/docker/daemon.json", "line": 2, "mirrors": [GCR], "reason": None},
        {"source": "command_line", "path": None, "line": None, "mirrors": [], "reason": None},
    ],
    "engine": {
        "state": "running",
        "reason": None,
        "version": "28.5.2",
        "image_store": "containerd",
        "containers_running": 2,
        "rootless": False,
        "pid": 7,
    },
}
TLS = {"version": "TLSv1.3", "verified": True, "not_after": "x", "days_left": 80, "certificates": []}
HEALTHY = {
    "url": GCR, "verdict": "used", "usable": True, "reason": None, "failed_at": None, "silent": False, "proxy": None,
    "addresses": ["192.0.2.1"], "tls": TLS, "status": 200, "authentication": None, "redirected_to": None,
    "latency_ms": 20.5, "images": [],
}  # fmt: skip
DEAD = {
    **HEALTHY,
    "verdict": "not_used",
    "usable": False,
    "reason": "no connection",
    "failed_at": "tcp",
    "latency_ms": None,
    "tls": None,
    "status": None,
}


def info(**changes):
    """Return a result of registry_mirrors_info."""
    return {**copy.deepcopy(INFO), **changes}


def engine(**changes):
    """Return the engine of such a result."""
    return {"engine": {**INFO["engine"], **changes}}


def stopped(reason):
    """Return the result of a host whose engine is stopped."""
    return info(in_force=None, **engine(state="stopped", reason=reason, version=None))


def source(**changes):
    """Return the sources of such a result."""
    return [{**INFO["sources"][0], **changes}]


NO_ENGINE = info(in_force=None, **engine(state="absent", reason="no Docker Engine is installed", version=None))
HUNG = info(in_force=None, **engine(state="unreachable", reason="no answer", version=None))
NOT_RUNNING = "the service docker is not running"
OF_HOSTS = {"setting": "hosts", "places": [], "message": "hosts twice"}
NOT_VERIFIED = {**TLS, "verified": False, "not_after": None, "days_left": None}
SEVERAL = info(drift_reasons=["differs"], conflicts=[{"message": "twice"}], **engine(version="20.10.1"))

HOSTS = {
    # name: (info, health, kinds of its findings, whether it is covered, words of the first message)
    "ok": (info(), [HEALTHY], [], True, ""),
    "not reached": ({"unreachable": True, "msg": "No route"}, None, ["unreachable"], False, "No route"),
    "failed": ({"failed": True, "msg": "no python"}, None, ["failed"], False, "no python"),
    "nothing came back": ({}, None, ["failed"], False, "no result"),
    "no engine": (NO_ENGINE, None, ["no_engine"], False, "configure: no Docker Engine is installed."),
    "stopped": (stopped(NOT_RUNNING), None, ["engine_stopped"], False, "not"),
    "would not start": (stopped(f"{NOT_RUNNING}, it said: no space"), None, ["engine_down"], False, "no space"),
    "hung": (HUNG, None, ["engine_down"], False, "no answer"),
    "conflict": (info(conflicts=[OF_HOSTS]), [HEALTHY], ["conflict"], True, "hosts twice"),
    "broken file": (info(sources=source(reason="line 1, column 2")), [HEALTHY], ["unreadable"], True, "line 1"),
    "drift": (info(in_force=[], drift_reasons=["it differs"]), [], ["drift", "mirror_unused"], False, "it differs"),
    "dead": (info(), [DEAD], ["mirror_unusable"], False, "no connection"),
    "breaking": (
        info(), [{**DEAD, "verdict": "breaks_pulls", "reason": "a page"}], ["mirror_breaks_pulls"], False, "a page",
    ),
    "not known": (
        info(), [{**DEAD, "verdict": None, "usable": None}], ["mirror_unknown"], False, "no connection",
    ),
    "dead on this host only": (
        info(), [{**DEAD, "addresses": ["127.0.0.9"]}],
        ["mirror_unusable"], False, "resolves to 127.0.0.9 on this host",
    ),
    "bypassed": (info(cautions=["hosts.toml names another"]), [HEALTHY], ["caution"], False, "names another"),
    "another mirror": (info(in_force=[OWN]), [{**HEALTHY, "url": OWN}], ["mirror_unused"], False, f"uses {OWN}"),
    "no mirror": (info(in_force=[]), [], ["mirror_unused"], False, "uses no mirror"),
    "ends soon": (info(), [{**HEALTHY, "tls": {**TLS, "days_left": 13}}], ["certificate_ends"], True, "13 days"),
    "ends later": (info(), [{**HEALTHY, "tls": {**TLS, "days_left": 14}}], [], True, ""),
    "not verified": (info(), [{**HEALTHY, "tls": NOT_VERIFIED}], [], True, ""),
    "old": (info(**engine(version="20.10.24+dfsg1")), [HEALTHY], ["old_engine"], True, "20.10.24"),
    "just not old": (info(**engine(version="23.0.0")), [HEALTHY], [], True, ""),
    "of no version": (info(**engine(version="dev")), [HEALTHY], [], True, ""),
    "much at once": (SEVERAL, [DEAD], ["conflict", "drift", "mirror_unusable", "old_engine"], False, "twice"),
}  # fmt: skip


def report_of(hosts, wanted=("https://mirror.gcr.io",)):
    """Return the report of hosts as in HOSTS."""
    results = {
        name: {"audit_info": result, "audit_health": None if health is None else {"mirrors": health}}
        for name, (result, health, *_rest) in hosts.items()
    }
    return audit_report.audit_report(results, wanted=list(wanted), written_at="2026-01-31T12:00:00Z")
