# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet: the findings of each state of a host, the summary, and the mirrors that hosts should use."""

from __future__ import annotations

import json

import jinja2
import jinja2.nativetypes
import jsonschema
import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.filter import audit_report
from ansible_collections.pullthrough.docker.tests.page import fleet
from ansible_collections.pullthrough.docker.tests.unit.audited import (
    DEAD,
    GCR,
    HEALTHY,
    HOSTS,
    OWN,
    SCHEMA,
    TLS,
    info,
    report_of,
)

NOT_KNOWN = {"not reached", "failed", "nothing came back", "hung"}
WILL_NOT_START = {"conflict", "broken file", "much at once"}


@pytest.mark.parametrize("name", HOSTS)
def test_findings_of_a_host(name):
    result, _health, kinds, covered, words = HOSTS[name]
    report = report_of({name: HOSTS[name]})
    (host,) = report["hosts"]
    assert [finding["kind"] for finding in host["findings"]] == kinds
    assert (host["name"], host["state"], host["covered"]) == (name, kinds[0] if kinds else "ok", covered)
    states = {"states": {host["state"]: 1}, "findings": dict.fromkeys(kinds, 1)}
    numbers = {
        "covered": int(covered),
        "unknown": int(name in NOT_KNOWN),
        "will_not_start": int(name in WILL_NOT_START),
    }
    assert report["summary"] == {"hosts": 1, **numbers, **states}
    if kinds:
        assert words in host["findings"][0]["message"]
        assert all(finding["advice"] for finding in host["findings"])
    assert host["last_change"] == ("2026-01-30T10:00:00Z" if "sources" in result else None)


def test_advice_names_the_host():
    (host,) = report_of({"web-01": HOSTS["drift"]})["hosts"]
    assert (
        all("pullthrough.docker.configure --limit web-01" in finding["advice"] for finding in host["findings"])
        and len(host["findings"]) == 2
    )


def test_each_kind_is_shown_by_a_host():
    assert {kind for _info, _health, kinds, *_rest in HOSTS.values() for kind in kinds} == set(audit_report.KINDS)


def test_a_host_whose_mirrors_could_not_be_checked():
    report = audit_report.audit_report(
        {"one": {"audit_info": info(), "audit_health": {"failed": True, "msg": "x"}}}, wanted=[GCR], written_at="x"
    )
    (host,) = report["hosts"]
    assert (host["health"], host["covered"], host["state"], [finding["message"] for finding in host["findings"]]) == (
        [],
        False,
        "failed",
        ["Its mirrors could not be checked: x"],
    )


def test_the_mirrors():
    slow = {**HEALTHY, "latency_ms": 300.0}
    own = {**HEALTHY, "url": OWN, "latency_ms": None, "tls": {**TLS, "days_left": None, "not_after": None}}
    hosts = {
        "a": (info(in_force=[GCR, OWN]), [HEALTHY, own]),
        "b": (info(), [slow]),
        "c": (info(), [{**HEALTHY, "latency_ms": 30.5, "tls": {**TLS, "days_left": 9, "not_after": "soon"}}]),
        "d": (info(), [{**DEAD, "addresses": ["127.0.0.9"]}]),
        "e": ({"unreachable": True}, None),
    }
    assert report_of(hosts)["mirrors"] == [
        {
            "url": GCR,
            "hosts": 4,
            "usable": 3,
            "unusable": 1,
            "addresses": {"192.0.2.1": 3, "127.0.0.9": 1},
            "latency_ms": {"least": 20.5, "median": 30.5, "most": 300.0},
            "certificate_ends": "soon",
            "reasons": {"no connection": 1},
        },
        {
            "url": OWN,
            "hosts": 1,
            "usable": 1,
            "unusable": 0,
            "addresses": {"192.0.2.1": 1},
            "latency_ms": None,
            "certificate_ends": None,
            "reasons": {},
        },
    ]


def test_the_summary():
    hosts = {f"dead-{number}": HOSTS["dead"] for number in range(7)}
    report = report_of({**hosts, "gone": HOSTS["not reached"], "much": HOSTS["much at once"], "ok": HOSTS["ok"]})
    assert report["summary"] == {
        "hosts": 10,
        "covered": 1,
        "unknown": 1,
        "will_not_start": 1,
        "states": {"ok": 1, "unreachable": 1, "conflict": 1, "mirror_unusable": 7},
        "findings": {"unreachable": 1, "conflict": 1, "drift": 1, "mirror_unusable": 8, "old_engine": 1},
    }
    assert report["lines"] == [
        "1 of 10 hosts use a wanted mirror that answers (wanted: https://mirror.gcr.io/).",
        "Hosts where it is unknown: 1.",
        "Engines that run and will not start again: 1.",
        f"host not reached: 1 (gone). {report['kinds']['unreachable']['advice'].replace('HOST', 'gone')}",
        f"conflict: 1 (much). {report['kinds']['conflict']['advice'].replace('HOST', 'much')}",
        f"drift: 1 (much). {report['kinds']['drift']['advice'].replace('HOST', 'much')}",
        "mirror not usable: 8 (dead-0, dead-1, dead-2, dead-3, dead-4 and 3 more). "
        "Fix the mirror, or the network path to it from this host. "
        "Until then pulls may wait for it, and continue without it.",
        "old engine: 1 (much). Upgrade Docker Engine: this one gets no fixes, "
        "and builds images with new mirrors only after a restart.",
        "https://mirror.gcr.io/: unusable for 8 of 9 hosts.",
    ]


def test_its_example():
    (task,) = yaml.safe_load(audit_report.EXAMPLES)
    environment = jinja2.nativetypes.NativeEnvironment()
    environment.filters["pullthrough.docker.audit_report"] = audit_report.audit_report
    values = {"inventory_hostname": "one", "result": info(drift_reasons=["differs"])}
    report = environment.from_string(task["vars"]["report"]).render(**values)
    assert list(environment.from_string(task["ansible.builtin.debug"]["msg"]).render(report=report)) == ["one"]


# -- the wanted mirrors ----------------------------------------------------------------------------------------------


def noted(urls):
    """Return what the task that reads the wanted mirrors of a host registers."""
    return {"ansible_facts": {"audit_urls": urls}, "changed": False, "failed": False}


def report_by_wanted(**wanted):
    """Return the report of hosts that are right for those who want GCR."""
    results = {
        name: {"audit_wanted": result, "audit_info": info(), "audit_health": {"mirrors": [HEALTHY]}}
        for name, result in wanted.items()
    }
    return audit_report.audit_report(results, wanted=[OWN], written_at="2026-01-31T12:00:00Z")


@pytest.mark.parametrize(
    "urls",
    [
        [GCR],
        ["https://mirror.gcr.io"],
        "https://mirror.gcr.io",
        " https://mirror.gcr.io ",
        "HTTPS://mirror.gcr.io",
        "https://mirror.gcr.io,https://mirror.gcr.io/",
    ],
)
def test_the_wanted_mirrors_are_read_as_the_role_reads_them(urls):
    report = report_by_wanted(one=noted(urls))
    assert report["wanted"] == report["hosts"][0]["wanted"] == [GCR]
    assert report["summary"]["covered"] == 1 and report["hosts"][0]["findings"] == []


@pytest.mark.parametrize("urls", [f"{OWN},{GCR}", f"{OWN} , {GCR}", f" {OWN},{GCR} ", [OWN, GCR]])
def test_two_wanted_mirrors(urls):
    assert report_by_wanted(one=noted(urls))["wanted"] == [OWN, GCR]


def test_each_host_has_its_own_list():
    report = report_by_wanted(a=noted([GCR]), b=noted(OWN), c=None, d=noted([]))
    assert {host["name"]: (host["wanted"], host["covered"], host["state"]) for host in report["hosts"]} == {
        "a": ([GCR], True, "ok"),
        "b": ([OWN], False, "mirror_unused"),
        "c": ([OWN], False, "mirror_unused"),
        "d": ([], False, "ok"),
    }
    assert report["wanted"] == [GCR, OWN]
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(report)))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (noted("mirror.gcr.io"), "it has no scheme"),
        (noted("https://mirror.gcr.io https://other.example"), "more than one URL"),
        (noted([7]), "7 is not a mirror URL"),
        (noted({"url": GCR}), "cannot be converted to a list"),
        (noted(None), "cannot be converted to a list"),
        ({"failed": True, "msg": "'site' is undefined"}, "'site' is undefined"),
    ],
)
def test_a_list_that_cannot_be_used_is_a_finding_of_its_host(result, words):
    report = report_by_wanted(a=noted([GCR]), b=result)
    good, bad = report["hosts"]
    assert good["covered"] and good["state"] == "ok"
    assert (bad["wanted"], bad["covered"], bad["state"]) == (None, False, "failed")
    (finding,) = bad["findings"]
    assert finding["message"].startswith("Its docker_mirror_urls cannot be used: ") and words in finding["message"]
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(report)))


def test_the_playbook_reads_the_list_of_each_host(tmp_path):
    given = {
        "as-list": {"docker_mirror_urls": [GCR]},
        "as-string": {"docker_mirror_urls": "https://other.example , https://mirror.gcr.io"},
        "by-template": {"docker_mirror_urls": ["https://{{ site }}"], "site": "cache.example"},
        "by-default": {},
        "undefined": {"docker_mirror_urls": "{{ no_such_variable }}"},
        "none": {"docker_mirror_urls": None},
    }
    hosts = {name: (info(), {"mirrors": [HEALTHY]}, variables) for name, variables in given.items()}
    report, _page, _printed = fleet.audit(tmp_path, hosts)
    assert {host["name"]: (host["wanted"], host["state"]) for host in report["hosts"]} == {
        "as-list": ([GCR], "ok"),
        "as-string": (["https://other.example/", GCR], "ok"),
        "by-template": ([OWN], "mirror_unused"),
        "by-default": ([GCR], "ok"),
        "undefined": (None, "failed"),
        "none": (None, "failed"),
    }
    messages = {host["name"]: finding["message"] for host in report["hosts"] for finding in host["findings"]}
    assert "'no_such_variable' is undefined" in messages["undefined"]
