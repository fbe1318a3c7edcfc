# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who served a pull: the engine's log and the access logs of both registries agree. Classic image stores."""

from __future__ import annotations

import contextlib

import pytest

from test_converged import LAYERS
from test_health import role

import conftest

from conftest import ENGINES, GCR, Host

REQUEST = r'"GET /v2/library/{}/(manifests|blobs)/'


@pytest.fixture(scope="module")
def engines(lab):
    """Yield one host of each engine, with the mirror in force and a cache that holds alpine."""
    hosts = [Host(lab, name) for name in ENGINES]
    conftest.modules(hosts, mirrors=[GCR], exclusive=True)
    hosts[0].pull("alpine")
    conftest.wait_until(
        lambda: lab.container("cache").exec_run(["sh", "-c", f"ls -d {LAYERS} | wc -l"]).output.strip() == b"2"
    )
    yield hosts
    conftest.modules(hosts, mirrors=[GCR], state="absent")


def forget(hosts, image):
    for host in hosts:
        with host.sdk() as client, contextlib.suppress(conftest.docker.errors.ImageNotFound):
            client.images.remove(image, force=True)


def request_count(host, registry, image):
    return len(host.lab.requests(registry, REQUEST.format(image), host.address))


@pytest.fixture(params=["info", "debug"])
def level(request, engines):
    if request.param == "debug":
        conftest.modules(engines, "daemon_config", settings={"debug": True})
    yield request.param
    if request.param == "debug":
        conftest.modules(engines, "daemon_config", remove=["debug"])


@pytest.mark.usefixtures("cut_off")
def test_the_result_agrees_with_the_access_logs(engines, level, prove):
    """The cache does not hold the other image."""
    for image, used, by in (("alpine", "served", GCR), ("missed", "fell_through", "registry-1.docker.io")):
        forget(engines, image)
        before = {host.name: request_count(host, "hub", image) for host in engines}
        results = conftest.modules(engines, "registry_mirrors_canary", images=[image])
        for host in engines:
            (found,) = results[host.name]["images"]
            assert (found["pulled"], found["new"], found["used"], found["by"]) == (True, True, used, by), found
            assert results[host.name]["changed"]
            assert (request_count(host, "hub", image) > before[host.name]) is (used == "fell_through"), (
                "the stand-in's own log agrees"
            )
            prove(
                host.name,
                f"who served {image}, at level {level}",
                {key: found[key] for key in ("used", "by", "reason", "evidence")},
            )


def test_an_image_that_is_there(engines):
    results = conftest.modules(engines, "registry_mirrors_canary", images=["alpine"])
    for result in results.values():
        assert not result["changed"] and result["images"][0]["used"] == "served" and not result["images"][0]["new"], (
            result["images"]
        )


def test_the_role_says_who_served(engines, tmp_path):
    code, counts, out = role(tmp_path, engines, urls=[GCR], canary_images=["alpine"])
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    assert out.count(f"alpine: served. {GCR} served it") == len(engines)


def test_a_stopped_engine_pulls_nothing(engines):
    host = engines[-1]
    with conftest.stopped(host):
        result = host.module("registry_mirrors_canary", images=["alpine"])
        assert "the engine is stopped" in result["images"][0]["reason"]
