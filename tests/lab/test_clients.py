# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Podman, Buildah and Skopeo of three generations: what they really ask, beside what the modules write and report.

The witnesses are the clients' own words (skopeo --debug, podman info) and the access logs of cache and Hub stand-in.
"""

from __future__ import annotations

import json
import re
import shlex

import pytest

import conftest

from conftest import GCR, each

CONF = "/etc/containers/registries.conf"
DROP_INS = f"{CONF}.d"
OWN = f"{DROP_INS}/zz-pullthrough-docker.conf"
IMAGE = "docker.io/library/alpine"
TRIED = re.compile(r'Trying to access \\?"(.*?)\\?"')
SAVE = "rm -rf /var/lab-saved && cp -a /etc/containers /var/lab-saved"
RESTORE = "rm -rf /etc/containers /root/.config/containers /home/rl/.config && cp -a /var/lab-saved /etc/containers"


@pytest.fixture(scope="module")
def installed(lab, tmp_path_factory):
    hosts = conftest.with_modules(lab, tmp_path_factory)
    for host in hosts:
        host.run("sh", "-c", SAVE)
    return hosts


@pytest.fixture
def hosts(installed):
    yield installed
    for host in installed:
        host.run("sh", "-c", RESTORE)


def run_on(hosts, name="client_mirrors", **options):
    return each(lambda host: host.execute(name, **options), hosts)


def in_force(result, registry="docker.io"):
    (client,) = result["clients"]
    return client["registries"].get(registry, {}).get("in_force", [])


def skopeo(host, *words, user="root"):
    """Run skopeo, and return its exit code and all that it prints."""
    command = shlex.join(["skopeo", "--debug", *words])
    out = host.run("runuser", "-u", user, "--", "sh", "-c", f"cd && {command} 2>&1; echo code=$?").decode()
    return int(out.rpartition("code=")[2]), out


def places_tried(host, image=IMAGE, user="root"):
    """Return the names under which skopeo asks for an image, or None if it cannot read its configuration."""
    _code, out = skopeo(host, "inspect", "--raw", f"docker://{image}", user=user)
    return TRIED.findall(out) or (None if "registries" in out.rpartition("level=fatal")[2] else [])


def requests_of(host, registry):
    return len(host.lab.requests(registry, "/v2/library/alpine/", host.address))


def listing(host):
    command = (
        "cd /etc && find containers -printf '%p %y %m %u:%g %l\\n' | sort; find containers -type f -exec sha256sum {} +"
    )
    return host.run("sh", "-c", command)


def test_the_cache_serves_each_client_and_absent_gives_back_every_byte(hosts, prove):
    before = {host.name: listing(host) for host in hosts}
    predicted = run_on(hosts, mirrors=[GCR], _ansible_check_mode=True)
    assert {host.name: listing(host) for host in hosts} == before
    results = run_on(hosts, mirrors=[GCR])
    for host in hosts:
        assert results[host.name]["changed"] and predicted[host.name]["changed"]
        assert in_force(results[host.name]) == [GCR], results
        info = json.loads(host.run("podman", "info", "--format", "json"))
        (mirror,) = info["registries"]["docker.io"]["Mirrors"]
        assert (mirror["Location"], mirror["Insecure"]) == ("mirror.gcr.io", False)
        commands = {
            "skopeo": f"rm -rf /var/lab-image && skopeo copy --debug docker://{IMAGE} dir:/var/lab-image",
            "podman": f"podman pull --quiet {IMAGE} && podman rmi --force {IMAGE}",
            "buildah": f"buildah pull --quiet {IMAGE} && buildah rmi {IMAGE}",
        }
        for client, command in commands.items():
            cache, hub = requests_of(host, "cache"), requests_of(host, "hub")
            out = host.run("sh", "-c", f"{{ {command}; }} 2>&1").decode()
            assert client != "skopeo" or TRIED.findall(out) == ["mirror.gcr.io/library/alpine:latest"], out
            asked = {"cache": requests_of(host, "cache") - cache, "hub": requests_of(host, "hub") - hub}
            assert asked["cache"] > 0 and asked["hub"] == 0, (host.name, client, asked)
            prove(host.name, f"requests of {client}", asked)
    again = run_on(hosts, mirrors=[GCR])
    assert not any(result["changed"] for result in again.values())
    run_on(hosts, mirrors=[GCR], state="absent")
    assert {host.name: listing(host) for host in hosts} == before


def test_the_registry_itself_is_asked_after_a_dead_mirror(hosts):
    run_on(hosts, mirrors=["https://127.0.0.1:1"])
    for host in hosts:
        hub = requests_of(host, "hub")
        code, out = skopeo(host, "inspect", "--raw", f"docker://{IMAGE}")
        assert code == 0, out
        assert TRIED.findall(out) == ["127.0.0.1:1/library/alpine:latest", f"{IMAGE}:latest"]
        assert requests_of(host, "hub") > hub


def test_a_user_has_mirrors_of_their_own(hosts):
    run_on(hosts, mirrors=["https://127.0.0.1:1"])
    results = run_on(hosts, mirrors=[GCR], user="rl")
    for host in hosts:
        assert in_force(results[host.name]) == [GCR], results
        assert places_tried(host, user="rl")[0] == "mirror.gcr.io/library/alpine:latest"
        assert places_tried(host)[0] == "127.0.0.1:1/library/alpine:latest"
    removed = run_on(hosts, mirrors=[GCR], state="absent", user="rl")
    for host in hosts:
        assert in_force(removed[host.name]) == ["https://127.0.0.1:1/"]
        assert b"containers" not in host.run("find", "/home/rl/.config"), "only the file of the lock stays"


NO_ROOTS = ["env", "SSL_CERT_FILE=/dev/null", "SSL_CERT_DIR=/nonexistent"]
"""Without the CA certificates of the system."""


def test_the_certificate_of_a_mirror_is_used(hosts):
    before = {host.name: listing(host) for host in hosts}
    certificate = {"mirror.gcr.io": "/usr/local/share/ca-certificates/lab.crt"}
    for ca_files, is_used in (({}, False), (certificate, True)):
        run_on(hosts, mirrors=[GCR], ca_files=ca_files)
        for host in hosts:
            asked = requests_of(host, "cache")
            out = host.run(*NO_ROOTS, "skopeo", "inspect", "--raw", f"docker://{IMAGE}", check=False)
            assert (b"schemaVersion" in out, requests_of(host, "cache") > asked) == (is_used, is_used), host.name
    run_on(hosts, mirrors=[GCR], state="absent")
    assert {host.name: listing(host) for host in hosts} == before


PLAIN = """version: 0.1
storage: {filesystem: {rootdirectory: /var/plain}}
proxy: {remoteurl: "https://registry-1.docker.io"}
http: {addr: ":5000"}
"""


@pytest.fixture
def plain(lab):
    """Yield a function that counts the requests of a host to a second cache, which has no TLS."""
    cache = lab.container("cache")
    command = 'printf %s "$0" >/var/plain.yml; echo $$ >/var/plain.pid; exec docker-registry serve /var/plain.yml'
    cache.exec_run(["sh", "-c", f"exec >/var/plain.log 2>&1; {command}", PLAIN], detach=True)
    log = ["cat", "/var/plain.log"]
    conftest.wait_until(lambda: b"listening on" in cache.exec_run(log).output)

    def count(host):
        lines = cache.exec_run(log).output.decode().splitlines()
        return sum(line.startswith(f"{host.address} ") and "/v2/library/alpine/" in line for line in lines)

    yield count
    assert cache.exec_run(["sh", "-c", "kill $(cat /var/plain.pid)"]).exit_code == 0


def test_a_mirror_without_tls(hosts, plain):
    run_on(hosts, mirrors=["http://mirror.gcr.io:5000"])
    for host in hosts:
        asked, hub = plain(host), requests_of(host, "hub")
        code, out = skopeo(host, "inspect", "--raw", f"docker://{IMAGE}")
        assert code == 0 and plain(host) > asked and requests_of(host, "hub") == hub, out


# -- the rules -------------------------------------------------------------------------------------------------------

A, B, C = "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"


def entry(*locations, prefix="docker.io", location="docker.io", keys="", mirror_keys=""):
    mirrors = "".join(f'[[registry.mirror]]\nlocation = "{mirror}"\n{mirror_keys}\n' for mirror in locations)
    return f'[[registry]]\nprefix = "{prefix}"\nlocation = "{location}"\n{keys}\n{mirrors}'


HOME = "/root/.config/containers/registries.conf"
CASES = {
    # name: files
    "nothing": {},
    "one mirror": {CONF: entry(A)},
    "two mirrors": {CONF: entry(A, B)},
    "an insecure mirror": {CONF: entry(A, mirror_keys="insecure = true")},
    "a later drop-in replaces the main file": {CONF: entry(A), f"{DROP_INS}/a.conf": entry(B)},
    "a later drop-in replaces an earlier one": {f"{DROP_INS}/a.conf": entry(A), f"{DROP_INS}/b.conf": entry(B)},
    "a later drop-in without mirrors": {f"{DROP_INS}/a.conf": entry(A), f"{DROP_INS}/b.conf": entry()},
    "the first entry of a file": {CONF: entry(A) + entry(B)},
    "a file with another ending": {f"{DROP_INS}/a.cnf": entry(A)},
    "a folder below": {f"{DROP_INS}/x/a.conf": entry(A)},
    "a folder that looks like a file": {f"{DROP_INS}/x.conf/a.conf": entry(A)},
    "a hidden file": {f"{DROP_INS}/.a.conf": entry(A)},
    "upper case sorts first": {f"{DROP_INS}/a.conf": entry(A), f"{DROP_INS}/B.conf": entry(B)},
    "a wildcard": {CONF: '[[registry]]\nprefix = "*.io"\n[[registry.mirror]]\nlocation = "127.0.0.1:1"\n'},
    "a name beats a wildcard": {CONF: entry(A, prefix="*.io") + entry(B)},
    "a wildcard for other names": {CONF: entry(A, prefix="*.docker.io")},
    "only for digests": {CONF: entry(A, keys="mirror-by-digest-only = true")},
    "one only for digests": {CONF: entry(A, mirror_keys='pull-from-mirror = "digest-only"')},
    "keys in another case": {CONF: entry(A).replace("prefix", "Prefix").replace("location", "LOCATION")},
    "an unknown key": {CONF: entry(A, keys='other = "x"')},
    "inline tables": {CONF: 'registry = [{location = "docker.io", mirror = [{location = "127.0.0.1:1"}]}]\n'},
    "a final slash": {CONF: entry(A, prefix="docker.io/")},
    "a file of version 1": {CONF: '[registries.insecure]\nregistries = ["docker.io"]\n'},
    "a file of the user": {CONF: entry(A), f"{HOME}.d/a.conf": entry(B)},
    "a main file of the user hides all": {f"{DROP_INS}/z.conf": entry(A), HOME: entry(B)},
    "an empty main file of the user hides all": {f"{DROP_INS}/z.conf": entry(A), HOME: ""},
    "an empty file of ours": {OWN: ""},
}


@pytest.mark.parametrize("files", CASES.values(), ids=CASES)
def test_the_mirrors_in_force_are_those_that_are_asked(hosts, files):
    for host in hosts:
        for path, text in files.items():
            host.write(path, text.encode())
    infos = run_on(hosts, "client_mirrors_info")
    asked = each(places_tried, hosts)
    for host in hosts:
        info = infos[host.name]
        by_podman_6 = HOME in files
        hosts_asked = [place.partition("/")[0] for place in asked[host.name]]
        assert hosts_asked.pop() == "docker.io", asked
        found = in_force(info)
        found = None if found is None else [re.sub("^https?://|/$", "", mirror) for mirror in found]
        assert found == (None if by_podman_6 else hosts_asked), (host.name, info, asked)


BROKEN = {
    "a scheme": entry("https://127.0.0.1:1"),
    "no TOML": "[[registry]\n",
    "a wrong type": entry(A, keys='insecure = "yes"'),
    "a table in place of a list": '[registry]\nlocation = "docker.io"\n',
    "no location of a mirror": "[[registry]]\nlocation = 'x.example'\n[[registry.mirror]]\n",
    "no location": "[[registry]]\nprefix = 'x.example'\n",
    "neither": "[[registry]]\ninsecure = true\n",
    "version 1 in a drop-in": '[registries.search]\nregistries = ["x.example"]\n',
    "conflicting values": entry(A, prefix="docker.io/a", keys="insecure = true") + entry(A, prefix="docker.io/b"),
    "a wrong value of pull-from-mirror": entry(A, mirror_keys='pull-from-mirror = "never"'),
    "pull-from-mirror of a registry": entry(A, keys='pull-from-mirror = "all"'),
    "both ways to restrict a mirror": entry(
        A, keys="mirror-by-digest-only = true", mirror_keys='pull-from-mirror = "all"'
    ),
    "a key twice": 'short-name-mode = "disabled"\nshort-name-mode = "disabled"\n',
    "a wrong value of short-name-mode": 'short-name-mode = "never"\n',
    "no list of names": 'unqualified-search-registries = "docker.io"\n',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_the_clients_cannot_read_is_refused(hosts, text):
    path = f"{DROP_INS}/a.conf"
    for host in hosts:
        host.write(path, text.encode())
    asked = each(places_tried, hosts)
    assert all(places is None for places in asked.values()), asked
    for result in run_on(hosts, mirrors=[GCR]).values():
        assert f"{path}, line " in result["msg"] and "Nothing was changed." in result["msg"], result
    for info in run_on(hosts, "client_mirrors_info").values():
        assert info["drift"] is None and path in [source["path"] for source in info["sources"] if source["reason"]]


def test_a_symlink_to_nothing_is_refused(hosts):
    link = f"{DROP_INS}/a.conf"
    for host in hosts:
        host.run("ln", "-s", "none", link)
        assert (places_tried(host) is None) is (host.name == "podman-4.3"), "later ones ignore it"
    for result in run_on(hosts, mirrors=[GCR]).values():
        assert f"{link}: this symlink" in result["msg"], result


NAMES = {
    # name: (location of a mirror, whether the clients can use it)
    "a dot": ("cache.example", True),
    "a port": ("cache:5000", True),
    "localhost": ("localhost", True),
    "a path": ("127.0.0.1:1/a/b-c", True),
    "no dot and no port": ("cache", False),
    "an underscore": ("a_b.example", None),
    "IPv6": ("[::1]:1", False),
    "upper case in the path": ("127.0.0.1:1/A", False),
    "upper case in the host": ("CACHE.example", True),
}


@pytest.mark.parametrize(("location", "is_usable"), NAMES.values(), ids=NAMES)
def test_which_names_the_clients_can_use(hosts, location, is_usable, prove):
    for host in hosts:
        host.write(CONF, entry(location).encode())
        asked = places_tried(host) or []
        used = f"{location}/library/alpine:latest" in asked
        prove(host.name, f"mirror {location}", asked)
        assert is_usable is None or used is is_usable, (host.name, asked)
