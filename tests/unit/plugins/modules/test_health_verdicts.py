# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test the verdicts of registry_mirrors_health_info: by image store, and with what the engine itself says."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import ssl
import threading
import time

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    challenges,
    connection,
    dialing,
    trust,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules
from ansible_collections.pullthrough.docker.tests.unit.plugins.modules import test_health
from ansible_collections.pullthrough.docker.tests.unit.plugins.modules.test_health import (
    LAYERS,
    REGISTRY,
    Answers,
    one,
    served,
)

authority, network, run, serve = test_health.authority, test_health.network, test_health.run, test_health.serve

CHECK = "registry_mirrors_health_info"
CLASSIC, CONTAINERD = pull_rules.CLASSIC, pull_rules.CONTAINERD
BODY = json.dumps(LAYERS).encode()
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
MANIFESTS = "/v2/library/alpine/manifests/"
PAGE = (200, {"Content-Type": "text/html"}, b"<title>Sign in</title>")


def image(status=200, body=BODY, **headers):
    """Return the answers of a mirror that has the image."""
    usual = {"Docker-Content-Digest": DIGEST, "Content-Type": pull_rules.MANIFESTS[0]}
    answer = (status, {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}, body)
    return {
        f"{MANIFESTS}{reference}{query}": answer for reference in ("latest", DIGEST) for query in ("", "?ns=docker.io")
    }


ANSWERS = {
    # name: (answers, verdict of the classic store, verdict of the containerd store)
    "as it should be": ({**REGISTRY, **image()}, "used", "used"),
    "/v2/ 404, images there": (image(), "used", "used"),
    "/v2/ is a page, images there": ({"/v2/": PAGE, **image()}, "used", "used"),
    "/v2/ 500, images there": ({"/v2/": (500, {}, b""), **image()}, "used", "used"),
    "/v2/ leads to itself, images there": ({"/v2/": (302, {"Location": "/v2/"}, b""), **image()}, "not_used", "used"),
    "/v2/ 401 without a challenge": ({"/v2/": (401, {}, b""), **image()}, "used", "used"),
    "a page for everything": (
        {"/v2/": PAGE, **dict.fromkeys(image(), PAGE)}, "not_used", "breaks_pulls"
    ),
    "no digest in headers": ({**REGISTRY, **image(Docker_Content_Digest="")}, "used", "used"),
    "text/plain": ({**REGISTRY, **image(Content_Type="text/plain")}, "not_used", "breaks_pulls"),
    "gzip in any case": (
        {**REGISTRY, **image(body=gzip.compress(BODY), Content_Encoding="gzip")}, "used", "breaks_pulls"
    ),
    "Basic at /v2/ only": ({"/v2/": (401, {"WWW-Authenticate": "Basic"}, b""), **image()}, "not_used", "used"),
}  # fmt: skip


@pytest.mark.parametrize("state", [CLASSIC, CONTAINERD, "stopped"])
@pytest.mark.parametrize("name", ANSWERS)
def test_verdicts(engine, run, serve, name, state):
    """If no engine runs, it can have any image store, so only what holds for both is known."""
    answers, classic, containerd = ANSWERS[name]
    serve("cache.example", Answers(answers))
    if state == "stopped":
        engine.state, expected = "stopped", classic if classic == containerd else None
    else:
        engine.store, expected = state, classic if state == CLASSIC else containerd
    result = run(CHECK, mirrors=["http://cache.example"], images=["alpine"])
    mirror = one(result)
    assert (mirror["verdict"], mirror["images"][0]["verdict"]) == (expected, expected), mirror
    assert mirror["usable"] is {"used": True, None: None}.get(expected, False)
    assert (mirror["reason"] is None) is (expected == "used")
    told = {"breaks_pulls": "breaks pulls", "not_used": "cannot be used", None: "is not known", "used": ""}[expected]
    assert [told in warning for warning in result["warnings"]] == [True] * (expected != "used")


SEVERAL = {
    # name: (challenges, verdict of the classic store, verdict of the containerd store)
    "Bearer": (["Bearer REALM"], "used", "used"),
    "other case": (['bEARER Realm="http://cache.example/token"'], "used", "used"),
    "Negotiate, Bearer": (["Negotiate", "Bearer REALM"], "used", "used"),
    "Basic, Bearer": (["Basic", "Bearer REALM"], "not_used", "used"),
    "Bearer, Basic": (["Bearer REALM", "Basic"], "not_used", "used"),
    "both in one header": (["Basic, Bearer REALM"], "not_used", "not_used"),
    "Basic": (["Basic"], "not_used", "not_used"),
    "a realm of another scheme": (['Bearer realm="null://x"'], "not_used", "not_used"),
}


@pytest.mark.parametrize("store", [CLASSIC, CONTAINERD])
@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("where", ["everywhere", "/v2/"])
def test_challenges(engine, run, serve, name, store, where):
    """The containerd store answers those of images, and never asks /v2/."""
    values, classic, containerd = SEVERAL[name]
    listed = [value.replace("REALM", 'realm="http://cache.example/token"') for value in values]
    token = "/token?scope=repository%3Alibrary%2Falpine%3Apull"
    engine.store = store

    def do(handler):
        path = handler.path
        guarded = path == "/v2/" or (where == "everywhere" and path.startswith(MANIFESTS))
        if guarded and handler.headers.get("Authorization") != "Bearer one":
            handler.send_response(401)
            for value in listed:
                handler.send_header("WWW-Authenticate", value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            Answers({**REGISTRY, **image(), token: (201, {}, {"token": "one"})}).to(handler)

    serve("cache.example", None, handler=served(None, do_GET=do, do_HEAD=do))
    mirror = one(run(CHECK, mirrors=["http://cache.example"], images=["alpine"]))
    expected = classic if store == CLASSIC else containerd if where == "everywhere" else "used"
    assert mirror["verdict"] == expected, mirror


USUAL = {
    # status of the manifest of alpine, which the task did not name: (verdict, words of the reason)
    200: ("used", None),
    404: ("used", None),
    403: (None, "HTTP 403"),
    429: (None, "HTTP 429 (its rate limit is reached)"),
}


@pytest.mark.parametrize("store", [CLASSIC, CONTAINERD])
@pytest.mark.parametrize("status", USUAL)
def test_without_images_a_refusal_of_the_usual_one_says_little(engine, run, serve, status, store):
    engine.store = store
    serve("cache.example", Answers({**REGISTRY, **image(status)}))
    mirror = one(run(CHECK, mirrors=["http://cache.example"]))
    assert (mirror["verdict"], mirror["reason"], mirror["images"]) == (*USUAL[status], [])


# -- the engine itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def says(monkeypatch):
    """Return ``says(digest, error)``, which sets the answer of the engine. ``asked`` are the names it was asked for."""
    asked = []

    def set_(digest, error):
        def answer(_host, _engine, name, _deadline):
            asked.append(name)
            return digest, error

        monkeypatch.setattr(Host, "ask_registry", answer)
        return asked

    return set_


def test_the_engine_trusts_a_certificate_that_this_check_does_not(run, serve, authority, says):
    asked = says(DIGEST, None)
    serve("cache.example", Answers({**REGISTRY, **image()}), authority.context("cache.example"))
    mirror = one(run(CHECK, mirrors=["https://cache.example"], images=["alpine"]))
    assert asked == ["cache.example/library/alpine:latest"]
    assert (mirror["verdict"], mirror["reason"], mirror["images"][0]["digest"]) == ("used", None, DIGEST)


def test_the_engine_s_own_words_are_the_reason(run, serve, authority, says):
    error = 'Get "https://cache.example/v2/": tls: failed to verify certificate: x509: certificate has expired'
    says(None, error)
    serve("cache.example", Answers({**REGISTRY, **image()}), authority.context("cache.example"))
    mirror = one(run(CHECK, mirrors=["https://cache.example"], images=["alpine"]))
    assert (mirror["verdict"], mirror["failed_at"]) == ("not_used", "tls")
    assert "its certificate is not trusted" in mirror["reason"] and mirror["reason"].endswith(
        f"The engine says: {error}"
    )


@pytest.mark.parametrize("place", ["docker.io", "cache.example"])
def test_the_engine_is_not_asked_where_it_reads_other_certificates_for_a_pull(engine, run, serve, certs, says, place):
    asked = says(DIGEST, None)
    engine.store = CONTAINERD
    (certs / place).mkdir(parents=True)
    (certs / place / "ca.crt").write_text("")
    run(CHECK, mirrors=["https://cache.example"])
    assert asked == []
    engine.store = CLASSIC
    run(CHECK, mirrors=["https://cache.example"])
    assert asked == ["cache.example/library/alpine:latest"]


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_no_engine_is_asked_that_does_not_run(engine, run, says, state):
    asked = says(DIGEST, None)
    engine.state = state
    run(CHECK, mirrors=["https://cache.example"])
    assert asked == []


# -- TLS ---------------------------------------------------------------------------------------------------------------


def test_tls_as_go_does_it():
    made, _places = trust.context(trust.SystemCas({}), "/nowhere", None, is_verified=True)
    assert made.hostname_checks_common_name is False
    assert not made.verify_flags & getattr(ssl, "VERIFY_X509_STRICT", 0x20)
    assert made.verify_flags & 0x80000, "a partial chain"
    names = [cipher["name"] for cipher in made.get_ciphers()]
    assert [name for name in names if not name.startswith(("ECDHE-", "TLS_"))] == []


def test_the_cas_of_the_engine_s_environment(authority, tmp_path):
    """Go reads the named file in place of the usual one, and each file of the named folders."""
    found = trust.SystemCas({"SSL_CERT_FILE": str(authority.folder / "ca.crt"), "SSL_CERT_DIR": str(tmp_path / "none")})
    made, places = trust.context(found, "/nowhere", None, is_verified=True)
    assert len(made.get_ca_certs()) == 1 and str(authority.folder / "ca.crt") in places
    found = trust.SystemCas({"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": str(authority.folder)})
    assert len(trust.context(found, "/nowhere", None, is_verified=True)[0].get_ca_certs()) == 1


def test_cas_that_changed_after_the_engine_started(authority):
    path = authority.folder / "ca.crt"
    cas = trust.SystemCas({"SSL_CERT_FILE": str(path)})
    written = path.stat().st_mtime
    assert cas.changed_after(written - 1) == str(path)
    assert cas.changed_after(written + 1) is None
    assert cas.changed_after(None) is None


# -- network -----------------------------------------------------------------------------------------------------------


def test_the_next_family_is_tried_after_300_ms(monkeypatch):
    """The first address swallows packets. A listener with a full backlog does the same on this host."""
    with socket.socket() as full, socket.create_server(("127.0.0.1", 0)) as open_:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _number in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        first = (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname())

        class Other(int):
            """A family that is not the first one, although the kernel knows it as the same."""

            def __eq__(self, other):
                return other is self

            def __ne__(self, other):
                return other is not self

            __hash__ = int.__hash__

        second = (Other(socket.AF_INET), socket.SOCK_STREAM, 6, "", open_.getsockname())
        began = time.monotonic()
        sock, found = dialing.connect([first, second], began + 30)
        took = time.monotonic() - began
        sock.close()
        for filler in fillers:
            filler.close()
    assert found is second and dialing.FALLBACK_SECONDS <= took < 10


def test_a_refused_address_does_not_wait_for_the_next():
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as open_:
        closed.bind(("127.0.0.1", 0))
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", sock.getsockname()) for sock in (closed, open_)]
        sock, found = dialing.connect(addresses, time.monotonic() + 30)
        sock.close()
    assert found is addresses[1]


HOSTS = {
    "http://me:secret@cache.example:5000/v2/": "cache.example:5000",
    "http://[fe80::1%25eth0]:5000/v2/": "[fe80::1]:5000",
    "http://[fd00::1]/v2/": "[fd00::1]",
}


@pytest.mark.parametrize(("url", "header"), HOSTS.items(), ids=HOSTS)
def test_the_host_header_has_no_user_and_no_zone(url, header):
    assert connection.host_header(connection.split_url(url, "http")) == header


def test_the_zone_of_an_address_is_resolved():
    assert connection._host_and_port(connection.split_url("http://[fe80::1%25eth0]:5000/", "http")) == (
        "fe80::1%eth0",
        5000,
    )


def test_a_tunnel_to_an_ipv6_mirror_has_brackets(engine, run, serve):
    asked = []

    def connect(handler):
        asked.append(handler.path)
        handler.send_response(403)
        handler.end_headers()

    serve("proxy.example", None, handler=served(None, do_CONNECT=connect))
    engine.proxies = {"https": "http://proxy.example"}
    run(CHECK, mirrors=["https://[fd00::1]"])
    assert asked == ["[fd00::1]:443"]


def test_an_answer_after_early_hints(run, serve):
    def hint(handler):
        handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        Answers({**REGISTRY, **image()}).to(handler)

    serve("cache.example", None, handler=served(None, do_GET=hint, do_HEAD=hint))
    assert one(run(CHECK, mirrors=["http://cache.example"]))["status"] == 200


def test_a_body_of_v2_that_never_ends_does_not_matter(engine, run, serve):
    over = threading.Event()

    def endless(handler):
        if handler.path == "/v2/":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n{")
            over.wait(20)
        else:
            Answers(image()).to(handler)

    serve("cache.example", None, handler=served(None, do_GET=endless, do_HEAD=endless))
    mirror = one(run(CHECK, mirrors=["http://cache.example"], images=["alpine"]))
    over.set()
    assert mirror["verdict"] == "used"


def test_proxies_of_another_scheme_are_not_known(engine, run):
    engine.proxies = {"https": "socks5://proxy.example"}
    mirror = one(run(CHECK, mirrors=["https://cache.example"]))
    assert (mirror["verdict"], mirror["usable"], mirror["failed_at"]) == (None, None, "proxy")


def test_challenges_of_many_headers():
    found = challenges.parse(["Negotiate", 'bearer Realm="https://a.example/t?x=1" , Service=cache, a = "b"', ""])
    assert found == [
        challenges.Challenge("negotiate", {}),
        challenges.Challenge("bearer", {"realm": "https://a.example/t?x=1", "service": "cache", "a": "b"}),
    ]
    assert challenges.name(found) == "bearer"
