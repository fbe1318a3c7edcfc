# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who served a pull: from a log file, a user's journal, or a containerd image store, which needs level debug."""

from __future__ import annotations

import contextlib

import pytest

import conftest
import ways

from conftest import GCR

CLASSIC = [name for name in ways.DECLARED if name not in ways.CONTAINERD]


def canary(hosts, image, **options):
    """Return what the module says about an image that the engines do not have."""
    ways.each(lambda host: ways.forget(host, image), hosts)
    return {
        name: result["images"][0]
        for name, result in conftest.modules(hosts, "registry_mirrors_canary", images=[image], **options).items()
    }


def test_the_classic_image_stores(lab):
    for name, found in canary(ways.hosts_of(lab, CLASSIC), "alpine").items():
        assert (found["pulled"], found["used"], found["by"]) == (True, "served", GCR), (name, found)


@contextlib.contextmanager
def refused(hosts):
    """The hosts cannot connect to the cache."""
    with contextlib.ExitStack() as stack:
        for host in hosts:
            stack.enter_context(host.without("cache"))
        yield


@pytest.fixture
def hosts(lab):
    hosts = ways.hosts_of(lab, ways.CONTAINERD)
    yield hosts
    conftest.modules(hosts, "daemon_config", remove=["debug"])


def test_the_containerd_image_store(lab, hosts, prove):
    """At level info the log names a mirror that fails, but not one that serves."""
    for level in ("info", "debug"):
        if level == "debug":
            conftest.modules(hosts, "daemon_config", settings={"debug": True})
        for name, found in canary(hosts, "alpine").items():
            assert (found["used"], found["by"]) == (("served", GCR) if level == "debug" else ("unknown", None)), (
                name,
                found["reason"],
            )
            prove(
                name,
                f"who served alpine, at level {level}",
                {key: found[key] for key in ("used", "by", "reason", "evidence")},
            )
        with refused(hosts):
            for name, found in canary(hosts, "alpine").items():
                assert (found["used"], found["by"]) == ("fell_through", "registry-1.docker.io") and found["evidence"], (
                    name,
                    found["reason"],
                )
                prove(
                    name,
                    f"without a connection to the cache, at level {level}",
                    {key: found[key] for key in ("used", "by", "reason", "evidence")},
                )


def test_debug_for_the_pull_alone(hosts):
    """The engine logs at level debug for the pull, and afterwards the file and the level are as before."""

    def read():
        return {host.name: (host.daemon_json(), host.info()["Debug"]) for host in hosts}

    before = read()
    assert {level for _text, level in before.values()} == {False}
    for name, found in canary(hosts, "alpine", debug=True).items():
        assert (found["used"], found["by"]) == ("served", GCR), (name, found["reason"])
    assert read() == before
