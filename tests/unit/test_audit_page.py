# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page that shows the report of a fleet."""

from __future__ import annotations

import html
import html.parser
import json
import re

import pytest

from ansible_collections.pullthrough.docker.plugins.filter import audit_report, escape_html
from ansible_collections.pullthrough.docker.tests.page import fleet
from ansible_collections.pullthrough.docker.tests.unit.audited import (
    DEAD,
    HOSTS,
    INFO,
    ROOT,
    TLS,
    engine,
    info,
    report_of,
)


class Page(html.parser.HTMLParser):
    """Parse a page, and record its text, its elements and attributes, and the elements that are still open."""

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
    """The hostile texts are in a host's name, in its results and in the results of its mirrors."""
    result = info(
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
        EVIL: (result, [dead, {**dead, "usable": True, "latency_ms": 3.5}]),
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
