# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After converge: the mirror is in force, and pulls prove it."""

from __future__ import annotations

import conftest
import pytest

BLOBS = r'"GET /v2/library/{}/blobs/sha256:'
ANY = r'"(GET|HEAD) /v2/library/{}/'


def test_in_force_and_the_rest_of_the_file_is_as_it_was(host, state, prove):
    before = state[host.name]
    assert host.mirrors() == [*before["mirrors"], conftest.GCR]
    data = host.daemon_json()
    assert conftest.rest_of(data) == before["rest"]
    assert b'"https://mirror.gcr.io"' in data
    if before["files"]:
        assert host.files() == before["files"], "mode, owner, and no file beside it"
    assert host.engine_pid() == before["engine"], "reloaded, not restarted"
    prove(host.name, "mirrors in force", {"before": before["mirrors"], "after": host.mirrors()})
    prove(host.name, "SHA-256 of the rest of daemon.json", {"before": before["rest"], "after": conftest.rest_of(data)})


def test_every_host_pulls_and_docker_hub_is_asked_once(hosts, lab, prove):
    asked = lambda registry: lab.requests(registry, BLOBS.format("alpine"))  # noqa: E731
    before = len(asked("hub")), len(asked("cache"))
    for host in hosts:
        assert host.pull("alpine") < 60
    hub, cache = asked("hub")[before[0] :], asked("cache")[before[1] :]
    addresses = {host.address for host in hosts}
    assert {client.partition(":")[0] for client, _line in cache} == addresses, "every host got it from the cache"
    assert {client.partition(":")[0] for client, _line in hub}.isdisjoint(addresses), "no host asked Docker Hub"
    paths = [line.split('"')[1] for _client, line in hub]
    assert len(paths) == len(set(paths)) == 2, "the configuration and the layer, once each"
    for host in hosts:
        own = len([client for client, _line in cache if client.startswith(host.address + ":")])
        value = {"blobs asked of the cache by this host": own, "blobs asked of Docker Hub by all hosts": len(hub)}
        prove(host.name, "pulls of alpine after converge", value)


@pytest.fixture
def cut_off(lab):
    """The cache cannot reach Docker Hub: what it does not hold, it does not have."""
    rule = ["OUTPUT", "-p", "tcp", "-d", "172.28.99.2", "-j", "REJECT", "--reject-with", "tcp-reset"]
    cache = lab.container("cache")
    assert cache.exec_run(["iptables", "-I", *rule], privileged=True).exit_code == 0
    yield
    assert cache.exec_run(["iptables", "-D", *rule], privileged=True).exit_code == 0


def test_an_image_that_the_cache_does_not_hold_comes_from_docker_hub(host, lab, cut_off, prove):
    asked = lambda registry: [line for client, line in lab.requests(registry, ANY.format("missed")) if client.startswith(host.address + ":")]  # noqa: E731
    before = len(asked("cache")), len(asked("hub"))
    seconds = host.pull("missed")
    refused, served = asked("cache")[before[0] :], asked("hub")[before[1] :]
    assert refused and not [line for line in refused if '" 200 ' in line], "the cache was asked first, and had nothing"
    assert [line for line in served if "/blobs/" in line and '" 200 ' in line], "Docker Hub served it"
    prove(host.name, "an image that the cache does not hold", {"asked of the cache": len(refused), "served by Docker Hub": len(served), "seconds": seconds})


def test_with_the_cache_stopped_pulls_still_work(hosts, lab, prove):
    lab.container("cache").stop(timeout=1)
    try:
        for host in hosts:
            seconds = host.pull("plain")
            served = [line for client, line in lab.requests("hub", BLOBS.format("plain")) if client.startswith(host.address + ":")]
            assert served
            prove(host.name, "a pull with the cache stopped", {"blobs served by Docker Hub": len(served), "seconds": seconds})
    finally:
        lab.container("cache").start()


def test_the_container_runs(host, state, prove):
    assert host.witness() == state[host.name]["witness"]
    prove(host.name, "container without restart policy, after converge", {"before": state[host.name]["witness"], "after": host.witness()})
