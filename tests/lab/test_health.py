# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Health checks on real hosts: of a real cache, of a stand-in for Docker Hub, and of mirrors that serve nothing."""

from __future__ import annotations

import contextlib

import pytest

from faults import black_holed, served

import conftest

from conftest import ENGINES, GCR, Host, playbook

ROLE = "pullthrough.docker.docker_mirror"
DEAD = "http://dead.example:8600"
BAD = {
    # name: (URL, where it fails, whether it is silent, words of the reason)
    "dead": ("http://{}:8600", "tcp", False, "Connection refused"),
    "black-holed": ("http://{}:8666", "tcp", True, "no answer in time. Check the address and the firewalls"),
    "unknown": ("https://nowhere.invalid", "dns", False, "cannot be resolved"),
    "500": ("http://{}:8500", "http", False, "HTTP 500"),
    "401": ("http://{}:8401", "token", False, "asks for authentication"),
    "a page": ("http://{}:8200", "http", False, "a web page"),
    "untrusted": ("https://{}:8443", "tls", False, "its certificate is not trusted"),
}


@pytest.fixture(scope="module")
def engines(lab):
    return [Host(lab, name) for name in ENGINES]


@pytest.fixture
def as_it_was(engines):
    before = {host.name: host.state() for host in engines}
    yield
    assert {host.name: host.state() for host in engines} == before, "nothing is written, and no engine restarted"


def digest_of(host, image):
    """Pull an image, and return the digest that the engine shows."""
    host.pull(image)
    with host.sdk() as client:
        return client.images.get(image).attrs["RepoDigests"][0].partition("@")[2]


def test_a_real_cache(engines, as_it_was, prove):
    results = conftest.modules(
        engines, "registry_mirrors_health_info", mirrors=[GCR], images=["alpine", "no/such"], hub=True
    )
    for host in engines:
        result = results[host.name]
        (mirror,) = result["mirrors"]
        assert not result["changed"] and result["usable_mirrors"] == [GCR], result
        assert mirror["status"] == 200 and mirror["tls"]["verified"] and mirror["tls"]["days_left"] >= 0
        assert mirror["latency_ms"] > 0 and mirror["addresses"] == [host.lab.address("cache")]
        alpine, missing = mirror["images"]
        assert (
            alpine["digest"] == digest_of(host, "alpine")
            and alpine["cached"]
            and alpine["same_as_hub"]
            and alpine["size"] > 1000
        )
        assert (missing["cached"], missing["reason"]) == (False, "it does not have this image")
        assert result["hub"]["usable"] and result["hub"]["rate_limit"] is None, "the stand-in has no limit"
        prove(
            host.name,
            "asked before a pull: the digest that it then got",
            {"digest": alpine["digest"], "milliseconds": mirror["latency_ms"]},
        )


def test_mirrors_that_serve_nothing(engines, as_it_was, prove):
    for host in engines:
        with contextlib.contextmanager(served)(host), contextlib.contextmanager(black_holed)(host):
            urls = [url.format(host.address) for url, *_rest in BAD.values()]
            result = host.module("registry_mirrors_health_info", mirrors=urls, timeout=3)
        found = dict(zip(BAD, result["mirrors"]))
        for name, (_url, stage, silent, words) in BAD.items():
            mirror = found[name]
            assert (mirror["usable"], mirror["failed_at"], mirror["silent"]) == (False, stage, silent), mirror
            assert words in mirror["reason"], mirror
        assert "waits 15 seconds for it at each pull" in result["output"]
        prove(host.name, "why a mirror cannot be used", {name: mirror["reason"] for name, mirror in found.items()})


def role(path, engines, **variables):
    variables = {f"docker_mirror_{name}": value for name, value in variables.items()}
    return playbook(
        path / "play.yml",
        [{"hosts": [host.name for host in engines], "gather_facts": False, "vars": variables, "roles": [ROLE]}],
    )


def test_the_role_stops_before_anything_is_written(engines, as_it_was, tmp_path):
    code, counts, out = role(tmp_path, engines, urls=[DEAD], health="require")
    assert code == 2 and all(count["failed"] == 1 and count["changed"] == 0 for count in counts.values()), out
    assert "No mirror is usable from this host" in out and "Nothing was changed" in out


def test_the_role_reports(engines, tmp_path):
    """With report the role goes on. With require one usable mirror is enough."""
    with conftest.as_they_were(engines):
        for health, urls in (("report", [DEAD]), ("require", [DEAD, GCR])):
            code, counts, out = role(tmp_path, engines, urls=urls, health=health)
            assert code == 0 and all(count["changed"] == 1 for count in counts.values()), out
            assert f"The mirror {DEAD}/ cannot be used" in out
            assert all(set(host.mirrors()) >= {f"{DEAD}/"} for host in engines)
            code, counts, out = role(tmp_path, engines, urls=[DEAD, GCR], state="absent", health=health)
            assert code == 0, out


def test_a_stopped_engine_stays_stopped(engines):
    host = engines[-1]
    with conftest.stopped(host):
        result = host.module("registry_mirrors_health_info", mirrors=[GCR])
        assert result["usable_mirrors"] == [GCR]
