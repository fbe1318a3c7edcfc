# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings about mirrors that are in force, and not used or not safe."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import cautions, certs_d, docker_login

NEW, OLD = (28, 5, 2), (26, 1, 5)
HOSTS = "/etc/docker/certs.d/docker.io/hosts.toml, line 2"
TOML = certs_d.HostsToml(HOSTS, certs_d.Effect.HOST)
SERVER = certs_d.HostsToml(HOSTS, certs_d.Effect.SERVER)
INVALID = certs_d.HostsToml(f"{HOSTS}, column 5: expected a value", certs_d.Effect.INVALID)

NOT_USED = (
    f"{HOSTS}: the host that is named there is asked instead of the registry mirrors. "
    "The engine shows the mirrors and does not use them."
)
NOT_HUB = (
    f"{HOSTS}: if no mirror has an image, the engine asks the server that is named there, and not Docker Hub. "
    "Remove the line if this is not what you want."
)
IGNORED = (
    f"{HOSTS}, column 5: expected a value. The file is not valid TOML, and the engine ignores all of it (seen on "
    "28.5.2). Fix or remove the file."
)


def as_https(mirror):
    return (
        f"With the containerd image store this engine connects to {mirror} over https (seen on 26.1.5): "
        "give the mirror a certificate."
    )


def unverified(mirror, why):
    return (
        f"The mirror {mirror} is {why}: with the containerd image store this engine then does not verify "
        "Docker Hub's certificate either. Give the mirror a certificate that the host trusts and a name that is not "
        "a name of this host, and remove it from insecure-registries."
    )


def here(mirror):
    return unverified(mirror, "on this host")


def insecure(mirror):
    return unverified(mirror, "an insecure registry")


def no_cache(mirror, why):
    return f"The mirror {mirror} is {why}"


BUILDS = (
    f"{HOSTS}: docker build asks the host that is named there instead of the registry mirrors (moby daemon/hosts.go). "
    "Pulls use the mirrors."
)
IS_HUB = (
    "Docker Hub itself: it caches nothing, and the limit on pulls applies. Take it out of the list: the engine asks "
    "Docker Hub after all mirrors."
)
IS_SITE = "a website and not a registry: the engine asks it in vain. Use a cache, such as https://mirror.gcr.io."
IS_OTHER = "a registry with images of its own, and no cache of Docker Hub. Use a cache, such as https://mirror.gcr.io."
HUB, SITE, QUAY = "https://registry-1.docker.io/", "https://hub.docker.com/", "https://quay.io/"

SECURE, PLAIN = "https://a.example/", "http://a.example/"
HERE = "http://127.0.0.1:5000/"

CASES = {
    # name: (mirrors, insecure registries, store, version, hosts.toml, warnings)
    "all is well": ([SECURE], [], "containerd", NEW, None, []),
    "hosts.toml": ([SECURE], [], "containerd", NEW, TOML, [NOT_USED]),
    "hosts.toml with another server": ([SECURE], [], "containerd", NEW, SERVER, [NOT_HUB]),
    "hosts.toml that is not TOML": ([SECURE], [], "containerd", NEW, INVALID, [IGNORED]),
    "hosts.toml that is not TOML, not read": ([SECURE], [], "graphdriver", NEW, INVALID, []),
    "hosts.toml on an engine that does not read it": ([SECURE], [], "containerd", (27, 99, 99), TOML, []),
    "hosts.toml on the first one that does": ([SECURE], [], "containerd", (28, 0, 0), TOML, [NOT_USED]),
    "hosts.toml with the other store": ([SECURE], [], "graphdriver", NEW, TOML, [BUILDS]),
    "hosts.toml with the other store, before": ([SECURE], [], "graphdriver", (27, 99, 99), TOML, []),
    "hosts.toml with the other store, another server": ([SECURE], [], "graphdriver", NEW, SERVER, []),
    "Docker Hub itself": (
        ["https://Docker.io/"],
        [],
        "graphdriver",
        OLD,
        None,
        [no_cache("https://Docker.io/", IS_HUB)],
    ),
    "Docker Hub's own host": ([HUB], [], "containerd", NEW, None, [no_cache(HUB, IS_HUB)]),
    "a website": ([SITE], [], None, None, None, [no_cache(SITE, IS_SITE)]),
    "another registry": ([QUAY, SECURE], [], "graphdriver", NEW, None, [no_cache(QUAY, IS_OTHER)]),
    "Google's mirror": (["https://mirror.gcr.io/"], [], "containerd", NEW, None, []),
    "insecure with a scheme": ([SECURE], ["https://a.example"], "containerd", NEW, None, [insecure(SECURE)]),
    "insecure everywhere": ([SECURE], ["0.0.0.0/0"], "containerd", NEW, None, [insecure(SECURE)]),
    "insecure in a network": ([SECURE], ["10.0.0.0/8"], "containerd", NEW, None, []),
    "hosts.toml and no mirror": ([], [], "containerd", NEW, TOML, []),
    "loopback": ([HERE], [], "containerd", NEW, None, [here(HERE)]),
    "the end of loopback": (
        ["https://127.255.255.254/"],
        [],
        "containerd",
        NEW,
        None,
        [here("https://127.255.255.254/")],
    ),
    "beyond loopback": (["https://128.0.0.1/"], [], "containerd", NEW, None, []),
    "loopback by name": (["http://LocalHost:5000/"], [], "containerd", NEW, None, [here("http://LocalHost:5000/")]),
    "loopback, IPv6": (["https://[::1]:5000/"], [], "containerd", NEW, None, [here("https://[::1]:5000/")]),
    "IPv6": (["https://[::2]:5000/"], [], "containerd", NEW, None, []),
    "loopback with the other store": ([HERE], [], "graphdriver", NEW, None, []),
    "loopback, and insecure": ([HERE], ["127.0.0.1:5000"], "containerd", NEW, None, [here(HERE)]),
    "insecure by name": ([SECURE], ["A.example"], "containerd", NEW, None, [insecure(SECURE)]),
    "insecure by name and port": (
        ["https://A.example:5000/"],
        ["a.example:5000"],
        "containerd",
        NEW,
        None,
        [insecure("https://A.example:5000/")],
    ),
    "insecure by name, on any port": (
        ["https://a.example:5000/"],
        ["a.example"],
        "containerd",
        NEW,
        None,
        [insecure("https://a.example:5000/")],
    ),
    "another port": (["https://a.example:5000/"], ["a.example:5001"], "containerd", NEW, None, []),
    "insecure by network": (
        ["https://10.1.2.3/"],
        ["10.0.0.0/8", "x"],
        "containerd",
        NEW,
        None,
        [insecure("https://10.1.2.3/")],
    ),
    "insecure by an address in the network": (
        ["https://10.1.2.3/"],
        ["10.9.9.9/8"],
        "containerd",
        NEW,
        None,
        [insecure("https://10.1.2.3/")],
    ),
    "another network": (["https://10.1.2.3/"], ["10.2.0.0/16", "fd00::/8", "x/y"], "containerd", NEW, None, []),
    "a name and a network": ([SECURE], ["10.0.0.0/8"], "containerd", NEW, None, []),
    "plain http elsewhere": ([PLAIN], [], "containerd", NEW, None, []),
    "plain http, reached over https": ([PLAIN, HERE, SECURE], [], "containerd", OLD, None, [as_https(PLAIN)]),
    "two": ([HERE, SECURE], ["a.example"], "containerd", NEW, TOML, [NOT_USED, here(HERE), insecure(SECURE)]),
    "store unknown": ([HERE], [], None, NEW, TOML, []),
    "version unknown": ([HERE], [], "containerd", None, TOML, []),
}


@pytest.mark.parametrize(("mirrors", "registries", "store", "version", "toml", "warnings"), CASES.values(), ids=CASES)
def test_cautions(mirrors, registries, store, version, toml, warnings):
    assert cautions.of(mirrors, insecure=registries, image_store=store, version=version, hosts_toml=toml) == warnings


@pytest.mark.parametrize(("store", "asked"), [("graphdriver", 1), ("containerd", 0)])
def test_a_path_that_ends_in_v2(store, asked):
    found = cautions.of(
        ["https://a.example/hub/v2/"], insecure=[], image_store=store, version=(28, 5, 2), hosts_toml=None
    )
    assert (
        found
        == [
            "The path of the mirror https://a.example/hub/v2 ends in /v2, and with this image store the engine asks "
            "/v2/v2/ there. Write https://a.example/hub in its place."
        ]
        * asked
    )


@pytest.mark.parametrize(
    ("mirrors", "store", "said"),
    [(["https://a.example/"], "graphdriver", 1), (["https://a.example/"], "containerd", 0), ([], "graphdriver", 0)],
)
def test_a_login_for_docker_hub(mirrors, store, said):
    found = cautions.of(
        mirrors, insecure=[], image_store=store, version=(26, 1, 5), hosts_toml=None, login="/root/.docker/config.json"
    )
    assert [caution.partition(":")[0] for caution in found] == [
        "/root/.docker/config.json has a login for Docker Hub"
    ] * said


LOGINS = {
    '{"auths": {"https://index.docker.io/v1/": {"auth": "c2VjcmV0"}}}': True,
    '{"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "pass"}': True,
    '{"credHelpers": {"https://index.docker.io/v1/": "pass"}}': True,
    '{"auths": {"ghcr.io": {"auth": "c2VjcmV0"}}}': False,
    '{"credsStore": "pass"}': False,
    '{"auths": ["https://index.docker.io/v1/"]}': False,
    "[]": False,
    "": False,
    "{": False,
}


@pytest.mark.parametrize(("text", "found"), LOGINS.items(), ids=LOGINS)
def test_logins(text, found):
    assert docker_login.is_in(text) is found
