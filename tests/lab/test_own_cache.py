# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cache made with the commands and files of guide_own_cache on a new host, and engines that pull through it.

Each block of the guide runs as printed. The cache's journal and the access log of the stand-in show what happened.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import textwrap

import docker
import pytest

import conftest

from conftest import ENGINES, LAB, PREFIX, ROOT, Host, wait_until

NAME = "cache.example.com"
URL = f"https://{NAME}/"
STATE = "/var/lib/registry-cache/scheduler-state.json"
# Two repositories of the stand-in that share one layer.
IMAGES = ["own-one", "own-two"]
GUIDE = (ROOT / "docs/docsite/rst/guide_own_cache.rst").read_text()
SECTIONS = dict(re.findall(r"^(.*)\n-{4,}\n\n((?:.*\n(?!.*\n-{4,}\n))*)", GUIDE, re.MULTILINE))
BLOCK = re.compile(r"^(?:Write ``(/\S+)``:\n\n)?[.][.] code-block:: (\w+)\n\n((?: {3}.*\n|\n)+)", re.MULTILINE)


def steps(section):
    """Return the steps in a section of the guide: (path, text) of a file, (None, text) of commands."""
    found = BLOCK.findall(SECTIONS[section])
    return [(path or None, textwrap.dedent(text).strip("\n") + "\n") for path, _kind, text in found]


RESTART, EVICT, DROP_STATE = (text for _path, text in steps("Run the cache"))


class CacheHost(Host):
    """The host of the cache, started like the hosts of the engines, on the same network, with the cache's name."""

    def __init__(self, lab):
        self.lab = lab
        self.container = f"{PREFIX}own-cache"
        model = lab.container("engine-26.1").attrs
        network = {"EndpointsConfig": {LAB["vars"]["lab_network"]: {"Aliases": [NAME]}}}
        config = {**model["Config"], "Hostname": "own-cache", "HostConfig": model["HostConfig"]}
        self.remove()
        created = lab.engine.api.create_container_from_config({**config, "NetworkingConfig": network}, self.container)
        lab.engine.api.start(created["Id"])
        wait_until(lambda: self.run("systemctl", "is-active", "multi-user.target", check=False) == b"active\n", 120)
        # Docker lets every user of a container open every port. A real host does not.
        self.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", b"1024")

    def remove(self):
        with contextlib.suppress(docker.errors.NotFound):
            self.lab.container("own-cache").remove(force=True, v=True)

    def follow(self, section):
        """Do the steps in a section of the guide."""
        for path, text in steps(section):
            if path:
                self.write(path, text.encode())
            else:
                self.commands(text)

    def commands(self, text):
        return self.run("bash", "-e", "-c", text)

    def give_certificate(self):
        key, certificate = conftest.signed(NAME, 7)
        self.write("/etc/registry-cache/tls.key", key)
        self.write("/etc/registry-cache/tls.crt", certificate)

    def journal(self, pattern=""):
        """Return the lines of the cache's log that match."""
        lines = self.run("journalctl", "--unit=registry-cache", "--output=cat", "--no-pager").decode().splitlines()
        return [line for line in lines if re.search(pattern, line)]

    def blobs(self, image, host):
        """Return how many layers and configurations of an image this host got from the cache."""
        return len(self.journal(rf'^{re.escape(host.address)} .*"GET /v2/library/{image}/blobs/.*" 200 '))

    def shows(self, what):
        return self.run("systemctl", "show", "--property", what, "--value", "registry-cache").decode().strip()

    def answers(self):
        return self.run("curl", "--silent", f"{URL}v2/", check=False) == b"{}"


@pytest.fixture(scope="module")
def cache(lab):
    host = CacheHost(lab)
    host.follow("Install the registry")
    host.give_certificate()
    host.follow("Configure the cache")
    yield host
    host.remove()


@pytest.fixture(scope="module")
def engines(lab, cache):
    """Yield one host of each engine that uses only this mirror. Two images at the stand-in share a layer."""
    hosts = [Host(lab, name) for name in ENGINES]
    one, two = (f"registry-1.docker.io/library/{image}" for image in IMAGES)
    hosts[0].run("sh", "-s", IMAGES[0], data=(ROOT / "tests/lab/push-images").read_bytes())
    for words in (["pull", one], ["tag", one, two], ["push", two], ["rmi", one, two]):
        hosts[0].run("docker", *words)
    with conftest.as_they_were(hosts):
        conftest.modules(hosts, mirrors=[URL], exclusive=True)
        yield hosts


def pull(host, image):
    """Remove both images, so that the shared layer is pulled too, and pull one of them."""
    host.run("sh", "-c", 'docker rmi --force "$@" >/dev/null 2>&1; docker pull --quiet "$0"', image, *IMAGES)


def test_the_guide_has_these_steps():
    files = [path for path, _text in steps("Install the registry") + steps("Configure the cache") if path]
    assert files == ["/etc/registry-cache/config.yml", "/etc/systemd/system/registry-cache.service"]
    assert "code-block:: bash" not in SECTIONS["Point the hosts at it"], "test_examples runs what is there"


def test_it_runs_without_root_on_port_443(cache):
    assert cache.answers()
    assert cache.run("ps", "-o", "user:20=", "-p", cache.shows("MainPID")) == b"docker-registry\n"


def test_every_host_can_use_it(cache, engines):
    results = conftest.modules(engines, "registry_mirrors_health_info", mirrors=[URL], images=["alpine"])
    for result in results.values():
        assert result["usable_mirrors"] == [URL] and result["mirrors"][0]["images"][0]["cached"], result


def test_engines_pull_through_it(cache, engines, lab, prove):
    for host in engines:
        for image in IMAGES:
            before = len(lab.requests("hub", f"/v2/library/{image}/", host.address))
            pull(host, image)
            assert cache.blobs(image, host) == 2, "the configuration and the layer"
            assert len(lab.requests("hub", f"/v2/library/{image}/", host.address)) == before
        value = {image: cache.blobs(image, host) for image in IMAGES}
        prove(host.name, "pulled through a cache made as the guide says", value)


def pulls_through_it(cache, host, image):
    before = cache.blobs(image, host)
    pull(host, image)
    return cache.blobs(image, host) == before + 2


def held(cache):
    """Return how many content files the cache holds."""
    return len(cache.run("find", "/var/lib/registry-cache/docker", "-name", "data").splitlines())


def test_layers_may_be_deleted_while_it_runs(cache, engines):
    """With a descriptor cache, the registry would serve a deleted layer as an empty file."""
    for image in IMAGES:
        assert pulls_through_it(cache, engines[0], image)
    wait_until(lambda: held(cache) >= 3)
    cache.commands("find /var/lib/registry-cache/docker -name data -exec touch -a --date='40 days ago' {} +")
    cache.commands(EVICT)
    assert held(cache) == 0
    for host in engines:
        for image in IMAGES:
            assert pulls_through_it(cache, host, image)


def test_after_seven_days_it_serves_whole_layers(cache, engines):
    """The layer expires for one repository after the other repository has used it."""

    def entries():
        state = json.loads(cache.run("cat", STATE, check=False) or b"{}")
        return state, [key for key in state if key.startswith(f"library/{IMAGES[0]}@")]

    assert pulls_through_it(cache, engines[0], IMAGES[0])
    wait_until(lambda: len(entries()[1]) >= 2)
    cache.run("systemctl", "stop", "registry-cache")
    state, ending = entries()
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=30)
    for key in ending:
        state[key]["ExpiryData"] = soon.isoformat()
    cache.write(STATE, json.dumps(state).encode())
    cache.run("systemctl", "start", "registry-cache")
    wait_until(cache.answers, 60)
    assert pulls_through_it(cache, engines[0], IMAGES[1])
    assert datetime.datetime.now(datetime.timezone.utc) < soon, "the layer was known before its entry ended"
    wait_until(lambda: not entries()[1], 90)
    for host in engines:
        for image in reversed(IMAGES):
            assert pulls_through_it(cache, host, image)


def test_docker_hub_is_down(cache, engines):
    assert pulls_through_it(cache, engines[0], IMAGES[0])
    wait_until(lambda: held(cache) >= 3)
    process = cache.shows("MainPID")
    with cache.without("hub"):
        assert all(pulls_through_it(cache, host, IMAGES[0]) for host in engines), "it serves what it holds"
        with pytest.raises(AssertionError, match="Failed to connect"):
            cache.commands(RESTART)
        assert cache.shows("MainPID") == process and cache.answers(), "the guide's command does not restart it now"
        cache.run("systemctl", "restart", "registry-cache")
        wait_until(lambda: int(cache.shows("NRestarts")) >= 2, 60)
        assert cache.journal("^panic: ") and not cache.answers(), "it does not start, and systemd tries again"
        for host in engines:
            assert not pulls_through_it(cache, host, IMAGES[0]), "the engine falls back to Docker Hub"
    wait_until(cache.answers, 60)
    assert all(pulls_through_it(cache, host, IMAGES[0]) for host in engines)
    process = cache.shows("MainPID")
    cache.commands(RESTART)
    assert cache.shows("MainPID") != process
    wait_until(cache.answers, 60)


def test_an_empty_state_file_is_deleted(cache):
    cache.run("systemctl", "stop", "registry-cache")
    cache.write(STATE, b"")
    before = len(cache.journal("panic: unexpected end of JSON input"))
    cache.run("systemctl", "start", "registry-cache")
    wait_until(lambda: len(cache.journal("panic: unexpected end of JSON input")) > before)
    assert not cache.answers()
    cache.commands(DROP_STATE)
    wait_until(cache.answers, 60)
