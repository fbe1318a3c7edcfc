# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Malformed results of the modules, and the form of the report."""

from __future__ import annotations

import copy
import json

import jsonschema
import pytest

from ansible_collections.pullthrough.docker.plugins.filter import audit_report
from ansible_collections.pullthrough.docker.tests.unit.audited import (
    GCR,
    HEALTHY,
    HOSTS,
    INFO,
    SCHEMA,
    engine,
    info,
    report_of,
)

FULL = {
    "audit_info": info(conflicts=[{"message": "twice"}], cautions=["c"], drift_reasons=["d"]),
    "audit_health": {
        "mirrors": [
            {
                **HEALTHY,
                "reason": "r",
                "redirected_to": "x",
                "proxy": "y",
                "authentication": "basic",
                "failed_at": "tls",
            }
        ]
    },
}
WRONG = [None, True, -1, 1.5, float("nan"), float("inf"), 10**400, "<b>", [], [[]], ["x"], {}, {"x": {}}]


def places(value, *path):
    """Yield the path to each part of a value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, *path, key)


@pytest.mark.parametrize(
    "place", [place for place in places(FULL) if place], ids=lambda place: ".".join(map(str, place))
)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_malformed_result_is_a_finding_of_its_host(place, wrong):
    results = {"good": {"audit_info": info(), "audit_health": {"mirrors": [HEALTHY]}}, "bad": copy.deepcopy(FULL)}
    inner = results["bad"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = wrong
    report = audit_report.audit_report(results, wanted=[GCR], written_at="2026-01-31T12:00:00Z")
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(report, allow_nan=False)))
    assert report["hosts"][1]["name"] == "good" and report["hosts"][1]["findings"] == []


@pytest.mark.parametrize(
    ("place", "wrong", "words"),
    [
        (("audit_info", "sources", 0, "line"), "2", "sources[0].line"),
        (("audit_info", "conflicts"), {"message": "x"}, "conflicts"),
        (("audit_info", "engine"), [], "engine"),
        (("audit_info", "engine", "state"), "<b>", "engine.state"),
        (("audit_health", "mirrors", 0, "latency_ms"), "1", "mirrors[0].latency_ms"),
        (("audit_health", "mirrors", 0, "tls", "days_left"), True, "mirrors[0].tls.days_left"),
        (("audit_health", "mirrors"), 7, "mirrors"),
    ],
)
def test_the_message_about_a_malformed_result(place, wrong, words):
    results = copy.deepcopy(FULL)
    inner = results
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = wrong
    (host,) = audit_report.audit_report({"bad": results}, wanted=[GCR], written_at="x")["hosts"]
    module = {"audit_info": "registry_mirrors_info", "audit_health": "registry_mirrors_health_info"}[place[0]]
    assert host["state"] == "failed" and not host["covered"]
    assert host["findings"][0]["message"].endswith(f": {module} returned a malformed result, see its {words}")


def test_what_a_module_does_not_return_is_left_out():
    (host,) = report_of({"a": (info(sources=[{**INFO["sources"][0], "<b>": "x"}]), [{**HEALTHY, "<b>": "x"}])})["hosts"]
    assert host["findings"] == [] and "<b>" not in json.dumps(host)


@pytest.mark.parametrize("version", ["9" * 5000 + ".1", "².1", "1", "", "-1.5"])
def test_a_version_that_cannot_be_read(version):
    (host,) = report_of({"a": (info(**engine(version=version)), [HEALTHY])})["hosts"]
    assert host["findings"] == []


# -- its schema ------------------------------------------------------------------------------------------------------

FITS = jsonschema.Draft202012Validator(SCHEMA).is_valid
MAPS = ("states", "findings", "kinds", "reasons", "addresses")
"""Objects whose keys depend on the fleet."""


@pytest.mark.parametrize("hosts", [{}, HOSTS], ids=["none", "all"])
def test_the_report_has_the_form_of_its_schema(hosts):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(report_of(hosts))))
    assert SCHEMA["$defs"]["kind"]["enum"] == list(audit_report.KINDS)


def objects(value, *path):
    """Yield each object in a value, with the path to it."""
    if isinstance(value, dict):
        yield path, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from objects(inner, *path, key)


def test_no_other_report_has_the_form_of_its_schema():
    report = json.loads(json.dumps(report_of({name: HOSTS[name] for name in ("ok", "dead")})))
    wrong = []
    for path, found in objects(report):
        members = dict(found)
        for key in members:
            changes = [{**members, key: {"another": "type"}}, {**members, "unknown": "key"}]
            if not path or path[-1] not in MAPS:
                changes.append({other: value for other, value in members.items() if other != key})
            for changed in changes:
                found.clear()
                found.update(changed)
                wrong += [(path, changed)] if FITS(report) else []
        found.clear()
        found.update(members)
    assert FITS(report) and wrong == []
