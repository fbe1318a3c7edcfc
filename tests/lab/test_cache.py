# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role registry_cache on real caches, version 2.8.2 and 2.8.3: its promises, and what breaks such caches.

The tests run in their order, and each continues with the caches that the one before left. curl, the engine of the
client and the access log of the stand-in for Docker Hub show what happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest

import conftest

from conftest import FOLDER, HOSTS, INVENTORY, ROOT, Host, wait_until

ROLE = "pullthrough.docker.registry_cache"
NAMES = {name: values["registry_cache_name"] for name, values in HOSTS.items() if "registry_cache_name" in values}
"""The names of the caches, by host."""
UNIT = "registry-cache@docker.io"
CONFIGURATION = "/etc/registry-cache/docker.io.yml"
DATA = "/var/lib/registry-cache/docker.io"
CERTIFICATE, KEY = "/etc/ssl/private/cache.crt", "/etc/ssl/private/cache.key"
BASE = {"certificate": CERTIFICATE, "key": KEY}
IMAGES = ["alpine", "redis"]
ACCEPT = "Accept: application/vnd.docker.distribution.manifest.v2+json"


class CacheHost(Host):
    """A host on which the role makes a cache."""

    @property
    def url(self):
        return f"https://{NAMES[self.name]}:5000/"

    def give_certificate(self, days):
        key, certificate = conftest.signed(NAMES[self.name], days)
        self.write(KEY, key)
        self.write(CERTIFICATE, certificate)
        self.run("chmod", "0600", KEY)

    def serial(self):
        """Return the serial number of the certificate that the cache shows."""
        command = f"echo | openssl s_client -connect {NAMES[self.name]}:5000 2>/dev/null | openssl x509 -noout -serial"
        return self.run("sh", "-c", command)

    def shows(self, what):
        return self.run("systemctl", "show", "--property", what, "--value", UNIT).decode().strip()

    def answers(self):
        return self.run("curl", "--silent", f"{self.url}v2/", check=False) == b"{}"

    def configuration(self):
        """Return the content, mode and owner of all files of the cache, the program included."""
        command = "cd / && find etc/registry-cache usr/local/lib/registry-cache etc/systemd/system/registry-cache* "
        command += "-type f -printf '%p %m %u:%g ' -exec sha256sum {} \\; 2>/dev/null | sort"
        return self.run("sh", "-c", command)

    def held(self):
        """Return the digests of what the cache holds."""
        found = self.run("find", f"{DATA}/docker", "-name", "data", "-path", "*/blobs/*", check=False).decode()
        return {path.split("/")[-2] for path in found.split()}

    def size(self):
        return int(self.run("du", "--summarize", "--block-size=1", DATA).split()[0])

    def trim(self):
        self.run("systemctl", "start", "registry-cache-trim.service")


@pytest.fixture(scope="module")
def caches(lab):
    return [CacheHost(lab, name) for name in NAMES]


@pytest.fixture(scope="module")
def client(lab):
    return next(Host(lab, name) for name in HOSTS if name not in NAMES)


@pytest.fixture
def role(tmp_path):
    """role(hosts, *arguments, **variables): run the role, and return exit code, recap by host, and output."""

    def run(hosts, *arguments, **variables):
        return conftest.playbook(tmp_path / "play.yml", plays(hosts, variables), *arguments)

    return run


def plays(hosts, variables):
    named = {f"registry_cache_{name}": value for name, value in {**BASE, **variables}.items()}
    return [{"hosts": [host.name for host in hosts], "gather_facts": False, "vars": named, "roles": [ROLE]}]


def pull(client, image):
    """Pull an image that the client has not."""
    client.run("sh", "-c", 'docker rmi --force "$0" >/dev/null 2>&1; docker pull --quiet "$0"', image)


def refused(done, text):
    code, counts, out = done
    out = " ".join(out.split())
    assert code and all(count["changed"] == 0 for count in counts.values()) and out.count(text) >= len(NAMES), out


def test_a_port_that_is_taken_is_refused_before_anything_is_installed(caches, role):
    for host in caches:
        host.give_certificate(90)
    listeners = [conftest.running(host, "sh", "-c", "python3 -m http.server 5000 & cat; kill $!") for host in caches]
    with contextlib.ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(listener)
        for host in caches:
            wait_until(lambda host=host: b":5000 " in host.run("ss", "-ltn"))
        refused(role(caches), "Port 5000 is used by python3")
    for host in caches:
        assert host.run("sh", "-c", "command -v docker-registry || true") == host.configuration() == b""


def test_a_cache_is_made_and_proved_and_a_second_run_changes_nothing(caches, role, lab, client, prove):
    code, counts, out = role(caches)
    assert code == 0 and all(count["changed"] for count in counts.values()), out
    for host in caches:
        shown = client.run(
            "curl", "--silent", "--fail", "-H", ACCEPT, f"{host.url}v2/library/hello-world/manifests/latest"
        )
        digest = json.loads(shown)["config"]["digest"].partition(":")[2]
        assert digest in host.held(), "the proof stored the configuration of the image"
        assert client.run("curl", "--silent", f"{host.url}v2/library/hello-world/blobs/sha256:{digest}")
        assert host.run("stat", "-c", "%a %U:%G", CONFIGURATION, KEY) == b"640 root:root\n600 root:root\n"
        assert host.run("ps", "-o", "user:20=", "-p", host.shows("MainPID")) == b"docker-registry\n"
        assert host.run("systemctl", "is-enabled", "docker-registry", check=False) == b"masked\n"
        assert host.run("systemctl", "is-active", "registry-cache-trim.timer") == b"active\n"
        prove(host.name, "registry", host.run("docker-registry", "--version").decode().split()[-1])
    processes = [host.shows("MainPID") for host in caches]
    code, counts, out = role(caches)
    # Ansible counts the check of the role's arguments, which runs on the controller, and the only task on the host.
    assert code == 0 and all((count["ok"], count["changed"]) == (2, 0) for count in counts.values()), out
    assert [host.shows("MainPID") for host in caches] == processes


def test_engines_use_two_caches_and_one_is_killed(caches, client, lab):
    with conftest.as_they_were([client]):
        conftest.modules([client], mirrors=[host.url for host in caches], exclusive=True)
        pull(client, "alpine")
        caches[0].run("systemctl", "stop", UNIT)
        pull(client, "redis")
        assert not lab.requests("hub", '"GET /v2/library/(alpine|redis)/blobs', client.address)
        assert lab.requests("hub", '"GET /v2/library/alpine/blobs', caches[0].address)
        assert lab.requests("hub", '"GET /v2/library/redis/blobs', caches[1].address)
        caches[0].run("systemctl", "start", UNIT)
    wait_until(caches[0].answers)


def test_the_playbook_makes_the_clients_use_the_caches(caches, client, lab):
    before = {image: len(lab.requests("hub", f'"GET /v2/library/{image}/blobs', client.address)) for image in IMAGES}
    assert len(IMAGES) >= 2
    with conftest.as_they_were([client]):
        variables = {f"registry_cache_{name}": value for name, value in BASE.items()}
        chosen = {"cache_and_clients_hosts": client.name, "cache_and_clients_ca_file": str(FOLDER / "ca.crt")}
        arguments = ["-e", json.dumps({**variables, **chosen, "configure_left_file": ""})]
        for changed in (True, False):
            code, _counts, out = conftest.run_playbook("pullthrough.docker.cache_and_clients", *arguments)
            assert code == 0 and f"changed {int(changed)}, healed 0" in out, out
        shown = json.loads(client.run("docker", "system", "info", "--format", "{{ json .RegistryConfig.Mirrors }}"))
        assert sorted(shown) == sorted(host.url for host in caches)
        for image, requests in before.items():
            pull(client, image)
            assert len(lab.requests("hub", f'"GET /v2/library/{image}/blobs', client.address)) == requests


def test_a_certificate_is_renewed_while_the_upstream_of_one_cache_is_down(caches, role):
    before = {host.name: (host.serial(), host.shows("MainPID")) for host in caches}
    for host in caches:
        host.give_certificate(20)
    with caches[0].without("hub"):
        code, counts, out = role(caches)
        out = " ".join(out.split())
        assert code == 0 and counts[caches[0].name]["changed"] == 0, out
        assert "must restart (its certificate changed, its key changed), but its upstream does not answer" in out
        assert (caches[0].serial(), caches[0].shows("MainPID")) == before[caches[0].name] and caches[0].answers()
        assert caches[1].serial() != before[caches[1].name][0], "the other cache has the new certificate"
    assert "ends on" in out and "in 19 days" in out
    code, _counts, out = role(caches[:1])
    assert code == 0 and caches[0].serial() != before[caches[0].name][0], out


def test_a_change_that_keeps_the_caches_from_starting_is_undone(caches, role):
    before = [host.configuration() for host in caches]
    broken = {"auth": {"htpasswd": {"realm": "x", "path": "/proc/none"}}}
    code, _counts, out = role(caches, settings=broken, restart_timeout=6)
    out = " ".join(out.split())
    assert code and out.count("The role restored the files, and the previous caches answer again.") >= len(caches), out
    assert [host.configuration() for host in caches] == before and all(host.answers() for host in caches)


def test_a_run_that_is_killed_is_completed_by_the_next_one(caches, role, tmp_path):
    """It is killed when the files are written, before the caches restart or are proved."""
    host, previous = caches[0], "/etc/registry-cache/previous.json"
    path = tmp_path / "killed.yml"
    path.write_text(json.dumps(plays([host], {"settings": {"log": {"level": "warn"}}})))
    running = conftest.started("ansible-playbook", path, inventory=INVENTORY)
    wait_until(lambda: host.run("sh", "-c", f"test -e {previous} && echo yes || true"), 300)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    code, _counts, out = role([host], settings={"log": {"level": "warn"}})
    assert code == 0 and host.answers(), out
    assert host.run("sh", "-c", f"test -e {previous} || echo gone") == b"gone\n"
    assert host.run("cat", "/run/registry-cache/docker.io/config.yml") == host.run("cat", CONFIGURATION)


@pytest.mark.parametrize("content", [b"", b'{"library/hello-wor'], ids=["empty", "cut off"])
def test_a_damaged_list_of_the_scheduler_is_moved_away(caches, content):
    for host in caches:
        host.run("systemctl", "stop", UNIT)
        host.write(f"{DATA}/scheduler-state.json", content)
        host.run("systemctl", "start", UNIT)
    for host in caches:
        wait_until(host.answers, 60)
        assert host.run("cat", f"{DATA}/scheduler-state.json.damaged") == content
    shown = conftest.modules(caches, "registry_cache_info")
    for result in shown.values():
        assert "scheduler-state.json, which was damaged" in " ".join(result["output"].split())
    for host in caches:
        host.run("rm", f"{DATA}/scheduler-state.json.damaged")


def test_the_information_about_a_cache(caches):
    caches[1].run("touch", "/etc/systemd/system/registry-cache@.service")
    with caches[1].without("hub"):
        shown = conftest.modules(caches, "registry_cache_info")
    for host in caches:
        (cache,) = shown[host.name]["caches"]
        assert (cache["registry"], cache["url"], cache["state"]) == ("docker.io", host.url, "active")
        assert cache["answers"] and cache["pending"] == "none" and 0 < cache["size"] < shown[host.name]["limit"]
        assert cache["upstream"]["answers"] == (host is caches[0])
        assert shown[host.name]["certificate"]["days_left"] == 19 and shown[host.name]["version"].startswith("2.8.")
        assert cache["requests"] is not None


def test_the_caches_keep_within_their_size_and_passwords_are_not_shown(caches, role, client):
    """The limit is smaller than what the client pulls meanwhile, and no pull fails."""
    account = {"docker.io": {"username": "ci", "password": "hush-hush"}}
    arguments = {"credentials": account, "private": True, "max_size": "3M"}
    code, _counts, out = role(caches, "-vvv", "--diff", **arguments)
    assert code == 0 and "hush-hush" not in out, out
    for host in caches:
        assert b"hush-hush" in host.run("cat", CONFIGURATION)
        assert host.run("stat", "-c", "%a", CONFIGURATION, "/run/registry-cache/docker.io/config.yml") == b"640\n440\n"
    with conftest.as_they_were([client]):
        conftest.modules([client], mirrors=[host.url for host in caches], exclusive=True)
        for _round in range(3):
            for image in ("alpine", "redis", "hello-world"):
                pull(client, image)
                for host in caches:
                    host.trim()
                    assert host.size() <= 3 * 1024**2
    assert caches[0].held(), "it still holds what was used last"


def test_no_cache_is_left_and_their_data_is(caches, role):
    held = [host.held() for host in caches]
    code, _counts, out = role(caches, state="absent")
    assert code == 0 and [host.held() for host in caches] == held and all(held), out
    for host in caches:
        assert host.configuration() == b"" and not host.answers()
        assert (
            host.run("sh", "-c", "ls -d /etc/registry-cache /run/registry-cache/docker.io 2>/dev/null || true") == b""
        )
    code, counts, out = role(caches, state="absent")
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    # As with -e on the command line, where each value is text.
    code, _counts, out = role(caches, state="absent", purge="true")
    assert code == 0 and not any(host.held() for host in caches), out


def test_a_registry_that_was_there_before_is_not_touched(caches, role):
    for host in caches:
        # Docker lets every user of a container open every port. A real host does not.
        host.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", b"1024")
        host.run("systemctl", "unmask", "docker-registry")
        host.run("systemctl", "start", "docker-registry")
        wait_until(lambda host=host: b":5000 " in host.run("ss", "-ltn"))
    processes = [host.run("systemctl", "show", "--property=MainPID", "docker-registry") for host in caches]
    refused(role(caches), "Port 5000 is used by docker-registry")
    code, _counts, out = role(caches, ports={"docker.io": 443})
    assert code == 0, out
    for host, process in zip(caches, processes):
        assert host.run("systemctl", "show", "--property=MainPID", "docker-registry") == process
        assert host.run("curl", "--silent", f"https://{NAMES[host.name]}/v2/") == b"{}", "without root on port 443"


def test_one_command_makes_a_cache_and_its_client_on_one_machine(client, lab):
    with conftest.as_they_were([client]):
        folder = subprocess.run([ROOT / "tools/stage", "make-cache"], check=True, capture_output=True, text=True).stdout
        archive = subprocess.run(["tar", "-C", folder.strip(), "-c", "."], check=True, capture_output=True).stdout
        client.run("sh", "-c", "mkdir -p /src && tar -x -C /src", data=archive)
        client.run("sh", "-c", "apt-get update -qq && apt-get install -qq -y --no-install-recommends make")
        client.run("sh", "-c", "docker rmi --force hello-world >/dev/null 2>&1 || true")
        # The host trusts the same CAs as this machine, as there may be a proxy before the package registries.
        client.write("/src/machine.crt", pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes())
        make = ["env", "PIP_CERT=/src/machine.crt", "make", "-C", "/src"]
        for _run in range(2):
            layers = len(lab.requests("hub", '"GET /v2/library/hello-world/blobs'))
            out = client.run(*make, "cache").decode()
            assert "parts from its disk, and asked Docker Hub for none of them." in out, out
            shown = client.run("docker", "system", "info", "--format", "{{ json .RegistryConfig.Mirrors }}")
            assert b"https://localhost:5000/" in shown
        assert len(lab.requests("hub", '"GET /v2/library/hello-world/blobs')) == layers, (
            "only the first run asked for it"
        )
        client.run(*make, "cache-undo")
        shown = client.run("docker", "system", "info", "--format", "{{ json .RegistryConfig.Mirrors }}")
        assert b"localhost" not in shown and client.run("sh", "-c", "ls -d /etc/registry-cache || true") == b""
