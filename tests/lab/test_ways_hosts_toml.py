# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hosts.toml that makes an engine ask another host than its mirrors: the cache's access log and the caution agree.

All engines use the containerd image store. Engines before 28.0 do not read these files.
"""

from __future__ import annotations

import pytest

import conftest
import ways

CERTS = "/etc/docker/certs.d"
DEFAULT = f"{CERTS}/_default/hosts.toml"
HUB = f"{CERTS}/docker.io/hosts.toml"
HOST = '[host."https://registry-1.docker.io"]\n'
SERVER = 'server = "https://registry-1.docker.io"\n'

CASES = {
    # name: (files, the place that the newer engine takes its host from)
    "no file": ({}, None),
    "a host in _default": ({DEFAULT: HOST}, f"{DEFAULT}, line 1"),
    "a server in _default": ({DEFAULT: SERVER}, None),
    "a host in docker.io": ({HUB: f"{SERVER}{HOST}"}, f"{HUB}, line 2"),
    "a host in both": ({HUB: HOST, DEFAULT: f"\n{HOST}"}, f"{HUB}, line 1"),
    "a host in _default, a server in docker.io": ({HUB: SERVER, DEFAULT: HOST}, None),
    "a host in _default, another file in docker.io": ({f"{CERTS}/docker.io/README": "x", DEFAULT: HOST}, None),
    "blanks and single quotes": (
        {DEFAULT: "\n\n  [ host . 'https://registry-1.docker.io' ] #\n"},
        f"{DEFAULT}, line 3",
    ),
    "quoted key": ({DEFAULT: '["host"."https://registry-1.docker.io"]\n'}, f"{DEFAULT}, line 1"),
    "a table below the host": (
        {DEFAULT: '[host."https://registry-1.docker.io".header]\nx = "y"\n'},
        f"{DEFAULT}, line 1",
    ),
    "inline table": ({DEFAULT: 'host."https://registry-1.docker.io" = {}\n'}, None),
    "a comment": ({DEFAULT: f"# {HOST}"}, None),
}


@pytest.fixture
def hosts(lab):
    hosts = ways.hosts_of(lab, ways.CONTAINERD)
    yield hosts
    for host in hosts:
        host.run("rm", "-rf", CERTS)


def request_count(host):
    return len(host.lab.requests("cache", r"/v2/library/alpine/manifests/", host.address))


@pytest.mark.parametrize(("files", "place"), CASES.values(), ids=CASES)
def test_the_caution_says_whether_the_engine_asks_its_mirrors(hosts, prove, request, files, place):
    for host in hosts:
        for path, text in files.items():
            host.write(path, text.encode())
        before = request_count(host)
        ways.forget(host, "alpine")
        host.pull("alpine")
        uses_mirrors = request_count(host) > before
        expected = place if host.name == "containerd-28.5" else None
        info = host.module("registry_mirrors_info")
        assert info["in_force"] == [conftest.GCR], info
        assert uses_mirrors is (expected is None), "the access log of the cache"
        cautions = info["cautions"]
        assert [caution.partition(": ")[0] for caution in cautions] == ([expected] if expected else []), cautions
        prove(
            host.name,
            f"hosts.toml, {request.node.callspec.id}",
            {"asks its mirrors": uses_mirrors, "cautions": cautions},
        )
