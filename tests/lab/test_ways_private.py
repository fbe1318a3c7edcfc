# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private mirror whose CA is in no system store: its certificate goes where the engine reads it, in both stores."""

from __future__ import annotations

import pytest

import conftest
import ways

from conftest import GCR, wait_until

CACHE = "https://cache.lan"
OWN = "/etc/docker/certs.d/cache.lan/pullthrough-docker.crt"
SHARED = "/etc/docker/certs.d/docker.io/pullthrough-docker-cache.lan.crt"
HOSTS = [ways.SYSVINIT, ways.MOVED, *ways.CONTAINERD]


@pytest.fixture
def hosts(lab):
    hosts = ways.hosts_of(lab, HOSTS)
    saved = {host.name: (host.daemon_json(), host.mirrors()) for host in hosts}
    yield hosts
    conftest.modules(hosts, mirrors=[CACHE, GCR], state="absent")
    for host in hosts:
        data, mirrors = saved[host.name]
        conftest.modules([host], mirrors=mirrors, exclusive=True)
        host.write(host.file, data)
        host.run("rm", "-rf", "/etc/docker/certs.d")


def served(lab, host):
    """Return the successful requests for blobs of the image from this host's engine to the private cache."""
    return len(lab.requests("private", r'"GET /v2/library/alpine/blobs/.*" 200 ', host.address))


def pull(lab, host):
    ways.forget(host, "alpine")
    host.pull("alpine")
    return served(lab, host)


def test_the_ca_goes_where_the_engine_reads_it(lab, hosts, prove):
    pem = (conftest.FOLDER / "private-ca.crt").read_text()
    before = ways.each(ways.snapshot, hosts)
    results = conftest.modules(hosts, mirrors=[CACHE], exclusive=True)
    assert {name: result.get("in_force", result) for name, result in results.items()} == {
        host.name: [f"{CACHE}/"] for host in hosts
    }
    assert set(ways.each(lambda host: pull(lab, host), hosts).values()) == {0}, "nobody trusts it, so Docker Hub serves"

    results = conftest.modules(hosts, mirrors=[CACHE], ca_certificates={"cache.lan": pem})
    for host in hosts:
        result = results[host.name]
        place = SHARED if host.name == "containerd-28.5" else OWN
        assert result["changed"] and not result["reloaded"], "an engine reads certificates at every pull"
        assert [path for path in (OWN, SHARED) if ways.content(host, path)] == [place]
        assert host.engine_pid() == before[host.name]["engine"]
    pulled = ways.each(lambda host: pull(lab, host), hosts)
    for host in hosts:
        wait_until(lambda host=host: served(lab, host) >= 2)
        prove(
            host.name,
            "pulled through a mirror with a CA of its own",
            {"blobs at the private cache": max(pulled[host.name], served(lab, host))},
        )
    assert not any(
        result["changed"]
        for result in conftest.modules(hosts, mirrors=[CACHE], ca_certificates={"cache.lan": pem}).values()
    )

    for result in conftest.modules(hosts, mirrors=[CACHE], state="absent").values():
        assert result["changed"]
    for host in hosts:
        assert host.run("sh", "-c", "ls -A /etc/docker/certs.d 2>/dev/null || true") == b"", "no trace of ours"


def test_a_file_that_would_break_every_pull_is_refused(hosts):
    pem = (conftest.FOLDER / "private-ca.crt").read_text()
    before = ways.each(ways.snapshot, hosts)
    broken = pem.replace("MII", "!!!", 1)
    for result in conftest.modules(hosts, mirrors=[CACHE], ca_certificates={"cache.lan": broken}).values():
        assert result["failed"] and '"cache.lan": certificate 1' in result["msg"] and not result["changed"], result[
            "msg"
        ]
    folders = {host.name: "docker.io" if host.name == "containerd-28.5" else "cache.lan" for host in hosts}
    for host in hosts:
        host.write(f"/etc/docker/certs.d/{folders[host.name]}/client.cert", pem.encode())
    for name, result in conftest.modules(hosts, mirrors=[CACHE]).items():
        assert result["failed"] and f"{folders[name]}/client.cert" in result["msg"] and "client.key" in result["msg"], (
            result["msg"]
        )
    for host in hosts:
        host.run("rm", "-r", "/etc/docker/certs.d")
    assert ways.each(ways.snapshot, hosts) == before
