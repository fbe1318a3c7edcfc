# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet: the findings of each state of a host, and the page that it becomes."""

from __future__ import annotations

import copy
import html
import html.parser
import json
import pathlib
import re

import jinja2
import jinja2.nativetypes
import jsonschema
import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.filter import audit_report, escape_html
from ansible_collections.pullthrough.docker.tests.page import fleet

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
    "url": GCR, "usable": True, "reason": None, "failed_at": None, "silent": False, "proxy": None,
    "addresses": ["192.0.2.1"], "tls": TLS, "status": 200, "authentication": None, "redirected_to": None,
    "latency_ms": 20.5, "images": [],
}  # fmt: skip
DEAD = {
    **HEALTHY,
    "usable": False,
    "reason": "no connection",
    "failed_at": "tcp",
    "latency_ms": None,
    "tls": None,
    "status": None,
}


def info(**changes):
    return {**copy.deepcopy(INFO), **changes}


def engine(**changes):
    return {"engine": {**INFO["engine"], **changes}}


def stopped(reason):
    return info(in_force=None, **engine(state="stopped", reason=reason, version=None))


def source(**changes):
    return [{**INFO["sources"][0], **changes}]


NO_ENGINE = info(in_force=None, **engine(state="absent", version=None))
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
    "no engine": (NO_ENGINE, None, ["no_engine"], False, "No Docker Engine"),
    "stopped": (stopped(NOT_RUNNING), None, ["engine_stopped"], False, "not"),
    "would not start": (stopped(f"{NOT_RUNNING}, it said: no space"), None, ["engine_down"], False, "no space"),
    "hung": (HUNG, None, ["engine_down"], False, "no answer"),
    "conflict": (info(conflicts=[OF_HOSTS]), [HEALTHY], ["conflict"], True, "hosts twice"),
    "broken file": (info(sources=source(reason="line 1, column 2")), [HEALTHY], ["unreadable"], True, "line 1"),
    "drift": (info(in_force=[], drift_reasons=["it differs"]), [], ["drift", "mirror_unused"], False, "it differs"),
    "dead": (info(), [DEAD], ["mirror_unusable"], False, "no connection"),
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


NOT_KNOWN = {"not reached", "failed", "nothing came back", "hung"}
WILL_NOT_START = {"conflict", "broken file", "much at once"}


def report_of(hosts, wanted=("https://mirror.gcr.io",)):
    results = {
        name: {"audit_info": seen, "audit_health": None if health is None else {"mirrors": health}}
        for name, (seen, health, *_rest) in hosts.items()
    }
    return audit_report.audit_report(results, wanted=list(wanted), written_at="2026-01-31T12:00:00Z")


@pytest.mark.parametrize("name", HOSTS)
def test_findings_of_a_host(name):
    seen, _health, kinds, covered, words = HOSTS[name]
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
    assert host["last_change"] == ("2026-01-30T10:00:00Z" if "sources" in seen else None)


def test_advice_names_the_host():
    (host,) = report_of({"web-01": HOSTS["drift"]})["hosts"]
    assert (
        all("pullthrough.docker.configure --limit web-01" in finding["advice"] for finding in host["findings"])
        and len(host["findings"]) == 2
    )


def test_the_reason_of_a_file_does_not_speak_of_a_change():
    (host,) = report_of(
        {
            "a": (
                info(
                    sources=[{**INFO["sources"][0], "reason": "line 1: no. Fix the file first. Nothing was changed."}]
                ),
                [HEALTHY],
            )
        }
    )["hosts"]
    assert host["findings"][0]["message"] == "line 1: no. Fix the file first."


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
        "1 of 10 hosts are covered by a wanted mirror that answers (wanted: https://mirror.gcr.io/).",
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
        name: {"audit_wanted": seen, "audit_info": info(), "audit_health": {"mirrors": [HEALTHY]}}
        for name, seen in wanted.items()
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
    ("seen", "words"),
    [
        (noted("mirror.gcr.io"), "it has no scheme"),
        (noted("https://mirror.gcr.io https://other.example"), "white space"),
        (noted([7]), "7 is not a mirror URL"),
        (noted({"url": GCR}), "cannot be converted to a list"),
        (noted(None), "cannot be converted to a list"),
        ({"failed": True, "msg": "'site' is undefined"}, "'site' is undefined"),
    ],
)
def test_a_list_that_cannot_be_used_is_a_finding_of_its_host(seen, words):
    report = report_by_wanted(a=noted([GCR]), b=seen)
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


# -- malformed results -----------------------------------------------------------------------------------------------

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

SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text())
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
        kept = dict(found)
        for key in kept:
            changes = [{**kept, key: {"another": "type"}}, {**kept, "unknown": "key"}]
            if not path or path[-1] not in MAPS:
                changes.append({other: value for other, value in kept.items() if other != key})
            for changed in changes:
                found.clear()
                found.update(changed)
                wrong += [(path, changed)] if FITS(report) else []
        found.clear()
        found.update(kept)
    assert FITS(report) and wrong == []


# -- the page --------------------------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Reads a page as a browser does: open elements, and everything that would be fetched."""

    VOID = ("br", "input", "meta")

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("hosts", [{}, HOSTS], ids=["none", "all"])
def test_the_page(hosts):
    report = json.loads(json.dumps(report_of(hosts)))
    page = Page(fleet.page(report))
    assert page.open == []
    assert page.elements.count("tr") == 1 + len(hosts)
    assert not [
        name for name, _value in page.attributes if name in ("src", "href", "action", "data", "poster", "srcset")
    ], "it fetches nothing"
    for host in report["hosts"]:
        assert host["name"] in page.text
        for finding in host["findings"]:
            assert finding["message"] in page.text and finding["advice"] in page.text


EVIL = (
    "\"'></td></title></style></script><script>alert(1)</script>{{ 7 * 7 }}"
    "<img src=x onerror=alert(2)> onload=alert(3)\u202e"
)


def evil(value):
    """Return the value with hostile text in every text, including keys."""
    if isinstance(value, dict):
        return {evil(key): evil(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [evil(inner) for inner in value]
    return f"{value}{EVIL}" if isinstance(value, str) else value


def test_each_text_is_escaped():
    escaped = escape_html.escape_html(evil([{"a": {"b": ["c", 1, 1.5, True, None]}}, "d"]))
    assert escaped[0][html.escape(f"a{EVIL}")][html.escape(f"b{EVIL}")][1:] == [1, 1.5, True, None]
    assert escaped[1] == html.escape(f"d{EVIL}") and not re.search("[<>]", json.dumps(escaped))


def test_hostile_texts_stay_text():
    """Texts of a host, of its results, and of a mirror."""
    seen = info(
        in_force=[EVIL],
        mirrors=[EVIL],
        drift_reasons=[EVIL],
        cautions=[EVIL],
        conflicts=[{"message": EVIL}],
        last_change=EVIL,
        sources=[{**INFO["sources"][0], "path": EVIL, "reason": EVIL}, {**INFO["sources"][0], "mirrors": [EVIL]}],
        **engine(version=f"1.2{EVIL}"),
    )
    tls = {**TLS, "version": EVIL, "not_after": EVIL, "days_left": 3, "certificates": [EVIL]}
    dead = {
        **DEAD,
        "url": EVIL,
        "reason": EVIL,
        "addresses": [EVIL, "x"],
        "tls": tls,
        "redirected_to": EVIL,
        "authentication": EVIL,
        "proxy": EVIL,
    }
    failed = {"failed": True, "msg": EVIL}
    hosts = {
        EVIL: (seen, [dead, {**dead, "usable": True, "latency_ms": 3.5}]),
        "failed": (failed, None),
        "gone": ({"unreachable": True, "msg": EVIL}, None),
    }
    texts = fleet.pages(
        {"evil": report_of(hosts), "plain": report_of({"one": HOSTS["ends soon"], "two": HOSTS["failed"]})}
    )
    plain, page = Page(texts["plain"]), Page(texts["evil"])
    assert page.elements.count("script") == 1 and set(page.elements) <= {*plain.elements, "br"}
    assert {name for name, _value in page.attributes} <= {name for name, _value in plain.attributes} | {"hidden"}
    assert page.open == []
    assert page.text.count("{{ 7 * 7 }}") > 10


def test_the_template_prints_only_escaped_text():
    template = (ROOT / "playbooks/templates/report.html.j2").read_text()
    assert re.findall(r".*audit_report.*", template) == [
        "{% set page = audit_report | pullthrough.docker.escape_html %}"
    ]
    assert "safe" not in re.findall(r"\|\s*(\w+)", template)
    assert "style=" not in template and not re.search(r"\son\w+=", template)


def test_each_kind_has_a_colour_in_the_page():
    template = (ROOT / "playbooks/templates/report.html.j2").read_text()
    tones = dict(
        re.findall(
            r"'(\w+)': '(\w+)'",
            template[template.index("set tones") : template.index("%}", template.index("set tones"))],
        )
    )
    assert set(tones) == {"ok", *audit_report.KINDS}
