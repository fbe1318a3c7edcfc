# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After converge: a reload put the mirror in force, from the file that the engine reads, and pulls use it."""

from __future__ import annotations

import collections

import pytest

import conftest
import ways

from conftest import Host, wait_until

BLOBS = r'"GET /v2/library/alpine/blobs/sha256:'
LAYERS = "/var/lib/registry/docker/registry/v2/repositories/library/alpine/_layers/sha256/*/link"


@pytest.fixture(params=ways.DECLARED)
def host(request, lab):
    return Host(lab, request.param)


def test_in_force_and_the_rest_of_the_file_is_as_it_was(host, state, prove):
    before = state[host.name]
    assert host.mirrors() == [*before["in force"], conftest.GCR] == before["predicted"]["mirrors"]
    data = host.daemon_json()
    assert data.decode() == before["predicted"]["file"]
    assert conftest.rest_of(data) == before["rest"]
    assert b'"https://mirror.gcr.io"' in data
    if before["file"] != conftest.sha256(None):
        assert host.files() == before["files"], "mode, owner, and no file beside it"
    assert host.engine_pid() == before["engine"], "reloaded, not restarted"
    prove(host.name, "mirrors in force", {"before": before["in force"], "after": host.mirrors()})
    prove(host.name, "SHA-256 of the rest of the file", {"before": before["rest"], "after": conftest.rest_of(data)})


def test_a_file_that_the_engine_does_not_read_is_unchanged(lab):
    host = Host(lab, ways.MOVED)
    assert host.file == "/etc/docker/elsewhere.json"
    assert (
        host.run("sh", "-c", "cat /etc/docker/daemon.json; stat -c ' %a %U' /etc/docker/daemon.json")
        == b'{"labels": ["read=no"]} 600 root\n'
    )


def test_the_engine_of_another_user_is_unchanged(lab, state, prove):
    before = {key: state[ways.BESIDE][key] for key in ("in force", "file", "files", "engine")}
    after = ways.snapshot(Host(lab, ways.BESIDE))
    assert after == before
    prove(ways.BESIDE, "as it was while the other engine of its host changed", {"before": before, "after": after})


def test_every_host_pulls_and_only_the_cache_asks_docker_hub(lab, prove):
    def blob_requests(registry, client=None):
        """Return the number of requests by blob, without the query that the containerd store adds."""
        lines = [line for _client, line in lab.requests(registry, BLOBS, client)]
        return dict(collections.Counter(line.split('"')[1].split()[1].partition("?")[0] for line in lines))

    def pull(host):
        ways.forget(host, "alpine")
        return host.pull("alpine")

    first, *others = hosts = ways.hosts_of(lab)
    before = {host.name: blob_requests("cache", host.address) for host in hosts}
    pull(first)
    # The cache stores layers in the background. It has a layer when the link exists.
    wait_until(lambda: lab.container("cache").exec_run(["sh", "-c", f"ls -d {LAYERS} | wc -l"]).output.strip() == b"2")
    hub = blob_requests("hub")
    assert len(hub) == 2, "the configuration and the layer"
    ways.each(pull, others)
    assert {client for client, _line in lab.requests("hub", BLOBS)} == {lab.address("cache")}
    assert blob_requests("hub") == hub, "Docker Hub is not asked again"
    for host in hosts:
        # A registry logs a request at its end, which may be after the pull.
        wait_until(lambda host=host: len(blob_requests("cache", host.address)) == 2)
        after = blob_requests("cache", host.address)
        assert set(after) == set(hub) and after != before[host.name], "this host got both from the cache, now"
        value = {
            "at Docker Hub, by the cache": hub,
            "at the cache, by this host": {"before": before[host.name], "after": after},
        }
        prove(host.name, "requests for layers of alpine, by path, and who made them", value)


def test_the_private_cache_is_trusted_only_with_its_own_ca(lab):
    """This tests the lab itself."""
    host = Host(lab, ways.MOVED)
    host.write("/root/private-ca.crt", (conftest.FOLDER / "private-ca.crt").read_bytes())
    curl = [
        "curl",
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{exitcode}",
        "https://cache.lan/v2/",
    ]
    assert host.run(*curl, check=False) == b"000 60"
    assert host.run(*curl, "--cacert", "/root/private-ca.crt") == b"200 0"
