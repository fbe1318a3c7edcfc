# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the engine itself is asked about a mirror, and whose verdict counts. The errors are those of engines."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._registry import engine_view, images
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.checks import Finding
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.connection import Failure
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.engine_view import Said

ALPINE, DIGEST = images.parse("alpine"), f"sha256:{'1' * 64}"
QUESTIONS = {
    # (mirror, version, whether it is not verified): the name with which the engine is asked, or None
    ("https://a.example/", (26, 1, 5), False): "a.example/library/alpine:latest",
    ("https://a.example:5000/", (26, 1, 5), False): "a.example:5000/library/alpine:latest",
    ("https://a.example/hub/", (26, 1, 5), False): None,
    ("https://cache/", (26, 1, 5), False): None,
    ("https://cache:5000/", (26, 1, 5), False): "cache:5000/library/alpine:latest",
    ("https://docker.io/", (26, 1, 5), False): None,
    ("https://a.example/", (24, 0, 9), False): None,
    ("https://a.example/", None, False): None,
    ("https://a.example/", (26, 1, 5), True): None,
    ("http://a.example/", (26, 1, 5), False): None,
    ("http://a.example/", (26, 1, 5), True): "a.example/library/alpine:latest",
    ("http://[fe80::1%25eth0]:5000/", (26, 1, 5), True): None,
}


@pytest.mark.parametrize(("key", "name"), QUESTIONS.items(), ids=[" ".join(map(str, key)) for key in QUESTIONS])
def test_the_question(key, name):
    mirror, version, insecure = key
    assert engine_view.question(mirror, ALPINE, version, insecure=insecure) == name


def test_a_digest_in_the_question():
    image = images.parse(f"alpine@{DIGEST}")
    asked = engine_view.question("https://a.example/", image, (26, 1, 5), insecure=False)
    assert asked == f"a.example/library/alpine@{DIGEST}"


def get(host, words):
    return f'Get "https://{host}/v2/": {words}'


COMMON_NAME = (
    "tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead"
)
UNKNOWN_NAME = "dial tcp: lookup gone.example on 127.0.0.11:53: no such host"
DOWN = "dial tcp 192.0.2.1:443: connect: connection refused"
FORGED_NAMES = (
    "tls: failed to verify certificate: x509: certificate is valid for not found, manifest unknown, not a.example"
)
"""Go quotes the names of a certificate before it verifies who signed it, so anyone on the network path chooses them."""
USED, NOT_USED, BREAKS = Finding("used"), "not_used", Finding("breaks_pulls", Failure("http", "gzip"))
TLS, TOKEN, HTTP = (Finding(NOT_USED, Failure(stage, "own")) for stage in ("tls", "token", "http"))
REFUSED = Finding(NOT_USED, Failure("proxy", "HTTP 404"))
PROXY = Finding(None, Failure("proxy", "own", is_open=True))
CASES = {
    # name: (own finding, image store, digest and error of the engine, verdict, step)
    "both say used": (USED, "graphdriver", (DIGEST, None), "used", None),
    "breaks pulls": (BREAKS, "containerd", (DIGEST, None), "breaks_pulls", "http"),
    "the engine trusts more": (TLS, "graphdriver", (DIGEST, None), "used", None),
    "the engine can use its proxy": (PROXY, "containerd", (DIGEST, None), "used", None),
    "the engine gets a token": (TOKEN, "graphdriver", (DIGEST, None), "used", None),
    "the registry answered the engine": (TLS, "graphdriver", (None, "manifest unknown"), "used", None),
    "a stranger's certificate with the words of a registry": (
        TLS, "graphdriver", (None, get("a.example", FORGED_NAMES)), "not_used", "tls"
    ),
    "a proxy with the words of a registry": (
        REFUSED, "containerd", (None, get("a.example", "Not Found")), "not_used", "proxy"
    ),
    "HTTP is the own check's": (HTTP, "containerd", (DIGEST, None), "not_used", "http"),
    "the engine trusts less": (USED, "graphdriver", (None, get("a.example", COMMON_NAME)), "not_used", "tls"),
    "the engine of containerd trusts less": (
        USED, "containerd", (None, get("a.example", COMMON_NAME)), "not_used", "tls"
    ),
    "the engine finds no name": (USED, "graphdriver", (None, get("a.example", UNKNOWN_NAME)), "not_used", "dns"),
    "the engine gets no connection": (USED, "graphdriver", (None, get("a.example", DOWN)), "not_used", "tcp"),
    "the engine's proxy": (
        USED, "graphdriver", (None, get("a.example", f"proxyconnect tcp: {DOWN}")), "not_used", "proxy"
    ),
    "a redirect of /v2/": (USED, "containerd", (None, get("gone.example", UNKNOWN_NAME)), "used", None),
    "no token for the classic store": (
        USED, "graphdriver", (None, "unauthorized: authentication required"), "not_used", "token"
    ),
    "no token for /v2/, which containerd does not ask": (
        USED, "containerd", (None, "unauthorized: authentication required"), "used", None
    ),
    "an odd answer": (USED, "graphdriver", (None, "missing signature key"), "used", None),
    "no answer": (USED, "graphdriver", (None, None), "used", None),
}  # fmt: skip


@pytest.mark.parametrize(("own", "store", "said", "verdict", "step"), CASES.values(), ids=CASES)
def test_whose_verdict_counts(own, store, said, verdict, step):
    found = engine_view.settle(own, Said(*said), "https://a.example/", store)
    assert (found.verdict, found.failure and found.failure.stage) == (verdict, step)


def test_the_engine_s_own_words_are_masked():
    error = get(
        "a.example", "dial tcp: lookup a.example: no such host https://me:hush-4711@b.example/?sig=hush-4711\x1b"
    )
    found = engine_view.settle(TLS, Said(None, error), "https://a.example/", "graphdriver")
    assert str(found.failure).startswith('own. The engine says: Get "https://a.example/v2/": dial tcp: lookup')
    assert "hush" not in str(found.failure) and str(found.failure).isprintable()
