# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After converge: the mirror is in force, and pulls use it."""

from __future__ import annotations

import collections

import conftest

from conftest import wait_until

BLOBS = r'"GET /v2/library/{}/blobs/sha256:'
ANY = r'"(GET|HEAD) /v2/library/{}/'
LAYERS = "/var/lib/registry/docker/registry/v2/repositories/library/busybox/_layers/sha256/*/link"


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


def by_path(requests):
    """Return the number of requests by path."""
    return dict(collections.Counter(line.split('"')[1].split()[1] for _client, line in requests))


def test_every_host_pulls_and_docker_hub_is_asked_once(hosts, lab, prove):
    # The role has asked the cache for alpine, when it checked the mirrors.
    def requests_at(registry):
        return lab.requests(registry, BLOBS.format("busybox"))

    assert requests_at("cache") == [] and requests_at("hub") == [], "nobody has pulled it yet"
    for number, host in enumerate(hosts):
        before = by_path(requests_at("hub"))
        host.pull("busybox")
        if number == 0:
            # The cache stores layers in the background. It has a layer when the link exists.
            wait_until(
                lambda: lab.container("cache").exec_run(["sh", "-c", f"ls -d {LAYERS} | wc -l"]).output.strip() == b"2"
            )
            assert {client for client, _line in requests_at("hub")} == {lab.address("cache")}
            assert len(by_path(requests_at("hub"))) == 2, "the configuration and the layer"
        else:
            assert by_path(requests_at("hub")) == before, "Docker Hub is not asked again"
        blobs = [line for client, line in requests_at("cache") if client == host.address]
        assert len(blobs) == 2, "this host got them from the cache"
        value = {
            "at Docker Hub": {"before": before, "after": by_path(requests_at("hub"))},
            "at the cache, by this host": len(blobs),
        }
        prove(host.name, "requests for layers of busybox, by path, before and after the pull", value)


def test_an_image_that_the_cache_does_not_hold_comes_from_docker_hub(host, lab, cut_off, prove):
    # The role has asked the cache for alpine, when it checked the mirrors.
    def requests_at(registry):
        return lab.requests(registry, ANY.format("missed"), host.address)

    seconds = host.pull("missed")
    wait_until(lambda: [line for _client, line in requests_at("hub") if "/blobs/" in line and '" 200 ' in line])
    refused, served = requests_at("cache"), requests_at("hub")
    assert refused and not [line for _client, line in refused if '" 200 ' in line], (
        "the cache was asked first, and had nothing"
    )
    prove(
        host.name,
        "an image that the cache does not hold",
        {"asked of the cache": len(refused), "served by Docker Hub": len(served), "seconds": seconds},
    )


def test_with_the_cache_stopped_pulls_still_work(hosts, lab, prove):
    lab.container("cache").stop(timeout=1)
    try:
        for host in hosts:
            seconds = host.pull("plain")
            # A registry logs a request at its end, which may be after the pull.
            wait_until(lambda host=host: lab.requests("hub", BLOBS.format("plain"), host.address))
            served = len(lab.requests("hub", BLOBS.format("plain"), host.address))
            prove(
                host.name, "a pull with the cache stopped", {"blobs served by Docker Hub": served, "seconds": seconds}
            )
    finally:
        lab.container("cache").start()


def test_the_container_runs(host, state, prove):
    assert host.witness() == state[host.name]["witness"]
    prove(
        host.name,
        "container without restart policy, after converge",
        {"before": state[host.name]["witness"], "after": host.witness()},
    )
