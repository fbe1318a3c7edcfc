# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test registry_mirrors_health_info against servers in this process, some of which do not behave like a registry.

The lab has real registries, a private CA and a black hole (tests/lab/test_health.py).
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import os
import signal
import socket
import ssl
import threading
import time
import types

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    checks,
    client,
    connection,
    dialing,
    http_session,
    images,
    probes,
    proxies,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules

LAYERS = {"config": {"size": 7}, "layers": [{"size": 30}, {"size": 500}]}
ONE, OTHER = f"sha256:{'1' * 64}", f"sha256:{hashlib.sha256(json.dumps(LAYERS).encode()).hexdigest()}"
INDEX = {
    "manifests": [
        {"digest": OTHER, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": "no digest", "platform": {"os": "linux", "architecture": "s390x"}},
        "no entry",
        {"platform": "no platform"},
    ]
}


class Answers(dict):
    """The answers of a server: status, headers and body, by method and path or by path only.

    ``asked`` and ``headers`` record the requests.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked, self.headers = [], []

    def to(self, handler):
        self.asked.append((handler.command, handler.path, handler.headers.get("Authorization")))
        self.headers.append(dict(handler.headers))
        status, headers, body = (
            self.get(f"{handler.command} {handler.path}") or self.get(handler.path) or (404, {}, b"")
        )
        handler.send_response(status)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(body if handler.command != "HEAD" else b"")


def served(answers, **more):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answers.to(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *words):
            pass

    for name, method in more.items():
        setattr(Handler, name, method)
    return Handler


def resolve_with(monkeypatch, look_up):
    monkeypatch.setattr(connection, "socket", types.SimpleNamespace(**{**vars(socket), "getaddrinfo": look_up}))


@pytest.fixture
def run(run, monkeypatch):
    """Run the module with its checks in threads: a process of its own would not see what a test replaces later."""
    monkeypatch.setattr(probes, "_in_own_process", lambda probe: (probe.start(), probe.result)[1])
    return run


@pytest.fixture
def network(monkeypatch):
    """Map names to ports of this host. All other names, but not its address, are unknown."""
    ports = {}

    def look_up(host, port, **options):
        if host == "127.0.0.1":
            return socket.getaddrinfo(host, port, **options)
        if host not in ports:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", ports[host]))]

    resolve_with(monkeypatch, look_up)
    return ports


@pytest.fixture
def serve(network):
    """Return ``start(host, answers, context=None)``, which starts a server with this name."""
    with contextlib.ExitStack() as stack:

        def start(host, answers, context=None, handler=None):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler or served(answers))
            server.daemon_threads = True
            if context:
                server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            network[host] = server.server_address[1]
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return answers

        yield start


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test changes it."""
    now = [100.0]
    for module in (checks, connection, dialing, http_body, http_session, probes):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: now[0], time=time.time))
    return now


def one(result):
    """Return the report of the only mirror, after a check that ``usable_mirrors`` agrees with it."""
    (mirror,) = result["mirrors"]
    assert result["usable_mirrors"] == ([mirror["url"]] if mirror["usable"] else [])
    return mirror


REGISTRY = {"/v2/": (200, {}, {})}


def test_a_registry(run, serve):
    serve("cache.example", Answers(REGISTRY))
    result = run("registry_mirrors_health_info", mirrors=["http://cache.example"])
    mirror = one(result)
    assert mirror.pop("latency_ms") > 0
    assert mirror == {
        "url": "http://cache.example/",
        "verdict": "used",
        "usable": True,
        "reason": None,
        "failed_at": None,
        "silent": False,
        "proxy": None,
        "addresses": ["127.0.0.1"],
        "tls": None,
        "status": 200,
        "authentication": None,
        "redirected_to": None,
        "images": [],
    }
    assert (result["hub"], result["warnings"], result["changed"]) == (None, [], False)


@pytest.mark.parametrize(
    ("state", "in_force", "asked"),
    [("running", ["http://cache.example/"], True), ("running", [], False), ("stopped", [], True)],
)
def test_mirrors_in_force_or_configured_by_default(engine, run, serve, daemon_json, state, in_force, asked):
    serve("cache.example", Answers(REGISTRY))
    daemon_json.parent.mkdir()
    daemon_json.write_text('{"registry-mirrors": ["http://cache.example"]}')
    engine.state, engine.mirrors = state, in_force
    result = run("registry_mirrors_health_info")
    assert result["usable_mirrors"] == ["http://cache.example/"] * asked


def test_no_mirrors_at_all(engine, run):
    engine.state = "absent"
    assert run("registry_mirrors_health_info")["mirrors"] == []


PAGE = (200, {"Content-Type": "Text/HTML; charset=utf-8"}, b"<title>Sign in</title>")
FAULTS = {
    # name: (answers, stage, status, end of the reason)
    "a page": (
        {"/v2/": PAGE},
        "http",
        200,
        "/v2/ answers with a web page (HTTP 200), not as a registry. Check the URL, and look for a login page",
    ),
    "nothing there": ({}, "http", 404, "/v2/ does not exist (HTTP 404), so there is no registry. Check the URL"),
    "an error": ({"/v2/": (500, {}, b"no")}, "http", 500, "/v2/ answers with HTTP 500"),
    "an error that is explained": (
        {"/v2/": (503, {}, {"errors": [{"message": "disk full, see https://a:b@c.example"}]})},
        "http",
        503,
        "/v2/ answers with HTTP 503: disk full, see https://***@c.example",
    ),
    "an odd error": ({"/v2/": (403, {}, {"errors": [7]})}, "http", 403, "/v2/ answers with HTTP 403"),
    "a user and password": (
        {"/v2/": (401, {"WWW-Authenticate": 'Basic realm="x"'}, {})},
        "token",
        401,
        "/v2/ asks for a user and password, which engines never send to a mirror. Allow anonymous pulls on the mirror",
    ),
    "no token server": (
        {"/v2/": (401, {"WWW-Authenticate": "Bearer"}, {})},
        "token",
        401,
        "it requires a token but names no token server",
    ),
    "an unknown token server": (
        {"/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://gone.example/token"'}, {})},
        "dns",
        401,
        "the name of gone.example cannot be resolved: Name or service not known. Check DNS and /etc/hosts "
        "(its token server, http://gone.example/token)",
    ),
    "no token": (
        {"/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example/token"'}, {})},
        "token",
        401,
        "http://cache.example/token gives no token for an anonymous pull (HTTP 404)",
    ),
    "an invalid token": (
        {
            "/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example/token"'}, {}),
            "/token?scope=repository%3Alibrary%2Falpine%3Apull": (200, {}, {"token": "a\r\nHost: b"}),
        },
        "token",
        401,
        "http://cache.example/token gives no valid token for an anonymous pull",
    ),
    "a token answer that is not JSON": (
        {
            "/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example/token?a=b"'}, {}),
            "/token?a=b&scope=repository%3Alibrary%2Falpine%3Apull": (200, {}, b"["),
        },
        "token",
        401,
        "http://cache.example/token gives no valid token for an anonymous pull",
    ),
    "a redirect loop": ({"/v2/": (302, {"Location": "/v2/"}, b"")}, "http", None, "/v2/ redirects more than 9 times"),
    "a redirect to another scheme": (
        {"/v2/": (302, {"Location": "ftp://a.example"}, b"")},
        "http",
        None,
        "/v2/ redirects to ftp://a.example, which is not an http or https URL",
    ),
    "a redirect without a location": ({"/v2/": (302, {}, b"")}, "http", 302, "/v2/ answers with HTTP 302"),
    "a long redirect to another scheme": (
        {"/v2/": (302, {"Location": f"ftp://{'a' * 300}"}, b"")},
        "http",
        None,
        f"ftp://{'a' * 193}…, which is not an http or https URL",
    ),
    "a long explanation": (
        {"/v2/": (500, {}, {"errors": [{"message": "x" * 300}]})},
        "http",
        500,
        f"HTTP 500: {'x' * 199}…",
    ),
    "errors that are not a list": (
        {"/v2/": (500, {}, {"errors": {"0": {"message": "x"}}})},
        "http",
        500,
        "/v2/ answers with HTTP 500",
    ),
    "an empty list of errors": ({"/v2/": (500, {}, {"errors": []})}, "http", 500, "/v2/ answers with HTTP 500"),
    "an error that is not an object": ({"/v2/": (500, {}, [1])}, "http", 500, "/v2/ answers with HTTP 500"),
    "an invalid port": (
        {"/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example:99999/token"'}, {})},
        "token",
        401,
        "http://cache.example:99999/token is not a valid URL: Port out of range 0-65535",
    ),
    "an invalid redirect": (
        {"/v2/": (302, {"Location": "http://[x"}, b"")},
        "http",
        None,
        "http://[x is not a valid URL: Invalid IPv6 URL",
    ),
    "a long invalid redirect": (
        {"/v2/": (302, {"Location": f"http://[{'x' * 300}"}, b"")},
        "http",
        None,
        f"http://[{'x' * 191}… is not a valid URL: Invalid IPv6 URL",
    ),
    "a token server without a host": (
        {"/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http:///token"'}, {})},
        "dns",
        401,
        "the name of  cannot be resolved: Name or service not known. Check DNS and /etc/hosts "
        "(its token server, http:///token)",
    ),
    "a challenge without a scheme": ({"/v2/": (401, {}, {})}, "token", 401, "Allow anonymous pulls on the mirror"),
    "a large page": (
        {"/v2/": (200, {"Content-Type": "text/html"}, b" " * (http_session.BODY_LIMIT + 1))},
        "http",
        200,
        "Check the URL, and look for a login page",
    ),
    "a large error": (
        {"/v2/": (503, {}, b'{"errors": [{"message": "no"}]}'.ljust(http_session.BODY_LIMIT + 1))},
        "http",
        503,
        "/v2/ answers with HTTP 503: no",
    ),
    "a large token": (
        {
            "/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example/token"'}, {}),
            "/token?scope=repository%3Alibrary%2Falpine%3Apull": (
                200,
                {},
                b'{"token": "one"}'.ljust(http_session.BODY_LIMIT + 1),
            ),
        },
        "token",
        401,
        "http://cache.example/token gives no valid token for an anonymous pull",
    ),
}


@pytest.mark.parametrize(("answers", "stage", "status", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_mirror_that_is_not_usable(run, serve, answers, stage, status, reason):
    serve("cache.example", Answers(answers))
    result = run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"])
    mirror = one(result)
    assert (mirror["usable"], mirror["failed_at"], mirror["status"], mirror["silent"]) == (False, stage, status, False)
    assert mirror["reason"].endswith(reason)
    assert result["warnings"] == [f"The mirror http://cache.example/ cannot be used: {mirror['reason']}."]
    assert mirror["images"] == [
        {
            "image": "alpine",
            "verdict": "not_used",
            "cached": None if mirror["reason"] == mirror["images"][0]["reason"] else False,
            "digest": None,
            "size": None,
            "reason": mirror["images"][0]["reason"],
            "same_as_hub": None,
        }
    ]
    assert mirror["images"][0]["reason"] in (mirror["reason"], "it does not have this image")


@pytest.mark.parametrize(
    ("line", "shown"),
    [(b"SSH-2.0-x", "SSH-2.0-x"), (b"x" * 300, f"{'x' * 199}…"), (b"", "BadStatusLine")],
    ids=["short", "long", "empty"],
)
def test_an_answer_that_is_not_http(run, serve, line, shown):
    serve("cache.example", None, handler=served(None, do_GET=lambda handler: handler.wfile.write(line + b"\r\n")))
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))
    assert (mirror["failed_at"], mirror["reason"]) == (
        "http",
        f"http://cache.example/v2/ gives no valid HTTP response: {shown}",
    )


@pytest.mark.parametrize(
    ("challenge", "authentication"),
    [({"WWW-Authenticate": 'BASIC realm="x"'}, "basic"), ({"WWW-Authenticate": "Bearer"}, "bearer"), ({}, "none")],
)
def test_authentication(run, serve, challenge, authentication):
    serve("cache.example", Answers({"/v2/": (401, challenge, {})}))
    assert (
        one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))["authentication"] == authentication
    )


def test_latency(run, serve, clock):
    def answer(handler):
        clock[0] += 0.0123456
        Answers(REGISTRY).to(handler)

    serve("cache.example", None, handler=served(None, do_GET=answer))
    assert one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))["latency_ms"] == 12.3


@pytest.mark.parametrize(("status", "extra"), [*((status, 0) for status in (301, 302, 303, 307, 308)), (307, 1)])
def test_as_many_redirects_as_go_follows(run, serve, status, extra):
    last = 9 + extra
    steps = {f"/{number}": (status, {"Location": f"{number + 1}"}, b"") for number in range(1, last)}
    serve("cache.example", Answers({"/v2/": (status, {"Location": "/1"}, b""), **steps, f"/{last}": (200, {}, {})}))
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))
    assert (mirror["usable"], mirror["redirected_to"]) == (
        (False, None) if extra else (True, f"http://cache.example/{last}")
    )


def test_request_headers(run, serve):
    answers = serve("cache.example", Answers({**REGISTRY, **manifest("latest", b"")}))
    run("registry_mirrors_health_info", mirrors=["http://cache.example:5000"], images=["alpine"])
    plain, image = answers.headers[:2]
    assert {name: plain[name] for name in ("Host", "User-Agent")} == {
        "Host": "cache.example:5000",
        "User-Agent": "docker/28.5.2 pullthrough.docker",
    }
    assert "Accept" not in plain
    assert image["Accept"].split(", ") == [
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    ]


@pytest.mark.parametrize(
    ("url", "host", "header"),
    [
        ("http://cache.example:80", "cache.example", "cache.example:80"),
        ("http://[fd00::abc]", "fd00::abc", "[fd00::abc]"),
    ],
)
def test_the_host_header(run, serve, url, host, header):
    answers = serve(host, Answers(REGISTRY))
    assert one(run("registry_mirrors_health_info", mirrors=[url]))["usable"]
    assert answers.headers[0]["Host"] == header


@pytest.mark.parametrize("size", [http_session.BODY_LIMIT, http_session.BODY_LIMIT + 1, 4 * http_session.BODY_LIMIT])
def test_the_body_of_an_answer_on_v2_does_not_matter(run, serve, size):
    serve("cache.example", Answers({"/v2/": (200, {}, b" " * size)}))
    assert one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))["usable"]


@pytest.mark.parametrize("extra", [0, 1])
def test_the_largest_manifest(run, serve, extra):
    body = json.dumps(LAYERS).encode().ljust(pull_rules.MANIFEST_LIMIT + extra)
    serve("cache.example", Answers({**REGISTRY, **manifest("latest", b""), **manifest(ONE, body)}))
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"]))
    (image,) = mirror["images"]
    assert (mirror["usable"], image["size"]) == (True, None if extra else 537)
    assert (f"larger than {pull_rules.MANIFEST_LIMIT} bytes" in str(image["reason"])) == bool(extra)


@pytest.mark.parametrize("location", ["http://other.example/v2/", "http://other.example", "https://other.example/v2/"])
def test_a_redirect(run, serve, authority, location):
    serve("cache.example", Answers({"/v2/": (307, {"Location": location}, b"")}))
    serve(
        "other.example",
        Answers({**REGISTRY, "/": (200, {}, {})}),
        authority.context("other.example") if location.startswith("https") else None,
    )
    mirror = one(
        run(
            "registry_mirrors_health_info",
            mirrors=["http://cache.example"],
            ca_certificates={"cache.example": authority.text},
        )
    )
    assert (mirror["usable"], mirror["redirected_to"]) == (True, location)


def test_a_url_with_a_path(run, serve):
    serve("cache.example", Answers({"/hub/v2/": (200, {}, {})}))
    assert one(run("registry_mirrors_health_info", mirrors=["http://cache.example/hub"]))["usable"]


# -- connections -----------------------------------------------------------------------------------------------------


def test_an_unknown_name_and_a_closed_port(run, network):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        network["closed.example"] = unused.getsockname()[1]
        result = run(
            "registry_mirrors_health_info",
            mirrors=["http://gone.example", "http://closed.example:81", "https://closed.example"],
        )
    assert [(mirror["failed_at"], mirror["silent"], mirror["reason"]) for mirror in result["mirrors"]] == [
        (
            "dns",
            False,
            "the name of gone.example cannot be resolved: Name or service not known. Check DNS and /etc/hosts",
        ),
        ("tcp", False, "no connection to closed.example, port 81: Connection refused"),
        ("tcp", False, "no connection to closed.example, port 443: Connection refused"),
    ]
    assert result["mirrors"][1]["addresses"] == ["127.0.0.1"]


def test_an_address_instead_of_a_name(run, serve, network):
    serve("open", Answers(REGISTRY))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = unused.getsockname()[1]
        result = run(
            "registry_mirrors_health_info", mirrors=[f"http://127.0.0.1:{port}" for port in (network["open"], closed)]
        )
    assert [(mirror["usable"], mirror["addresses"], mirror["reason"]) for mirror in result["mirrors"]] == [
        (True, ["127.0.0.1"], None),
        (False, ["127.0.0.1"], f"no connection to 127.0.0.1, port {closed}: Connection refused"),
    ]


def test_a_name_without_addresses(run, monkeypatch):
    resolve_with(monkeypatch, lambda *_words, **_options: [])
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))
    reason = "no connection to cache.example, port 80: its name has no address"
    assert (mirror["failed_at"], mirror["silent"], mirror["reason"]) == ("tcp", False, reason)


def test_no_time_left_for_a_connection(run, serve, clock, monkeypatch):
    monkeypatch.setattr(probes, "GRACE", 60)
    serve("cache.example", Answers(REGISTRY))
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], timeout=0))
    reason = "no connection to cache.example, port 80: no answer in time. Check the address and the firewalls"
    assert (mirror["failed_at"], mirror["silent"], mirror["reason"]) == ("tcp", True, reason)


@pytest.mark.parametrize(
    ("problem", "why"),
    [(OSError(5, "Input/output error"), "Input/output error"), (UnicodeError("label too long"), "label too long")],
    ids=["system", "name"],
)
def test_a_resolver_that_fails(run, monkeypatch, problem, why):
    def fail(*_words, **_options):
        raise problem

    resolve_with(monkeypatch, fail)
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"]))
    assert mirror["reason"] == f"the name of cache.example cannot be resolved: {why}. Check DNS and /etc/hosts"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://{'a' * 9000}/", f"the name of {'a' * 252}… cannot be resolved: "),
        (f"http://cache.example:{'a' * 9000}/", " is not a valid URL: Port could not be cast to integer value as "),
    ],
    ids=["host", "port"],
)
def test_a_long_url_leaves_room_for_the_reason(url, reason):
    connector = connection.Connector(connection.Route("/nowhere"), time.monotonic() + 10)
    with pytest.raises(connection.Failure) as caught:
        connector.open(connection.split_url(url, "http"), record=True)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 500


def test_registries_that_do_not_answer_in_time(run, monkeypatch, clock):
    """Several registries together take no longer than one."""
    over, waited = threading.Event(), []

    def join(_probe, seconds):
        waited.append(seconds)
        clock[0] += seconds + 1

    monkeypatch.setattr(checks.Check, "run", lambda *_words: over.wait(60))
    monkeypatch.setattr(probes.Probe, "join", join)
    result = run(
        "registry_mirrors_health_info", mirrors=["http://one.example", "http://two.example"], hub=True, timeout=3
    )
    over.set()
    assert waited == [3 + probes.GRACE, 0, 0]
    assert result["usable_mirrors"] == []
    assert result["hub"] == {
        "url": "https://registry-1.docker.io/",
        "verdict": None,
        "usable": None,
        "reason": "no answer in time (step: dns)",
        "failed_at": "dns",
        "silent": True,
        "proxy": None,
        "addresses": [],
        "tls": None,
        "status": None,
        "authentication": None,
        "redirected_to": None,
        "latency_ms": None,
        "images": [],
        "rate_limit": None,
    }


@pytest.mark.parametrize(("store", "asked"), [("graphdriver", ""), ("containerd", "library/alpine/manifests/latest")])
def test_a_silent_mirror_may_only_be_slow(engine, run, network, store, asked):
    """The kernel accepts the connection, and no answer comes within a second. An engine waits longer."""
    engine.store = store
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        network["silent.example"] = silent.getsockname()[1]
        result = run(
            "registry_mirrors_health_info", mirrors=["http://silent.example", "https://silent.example"], timeout=1
        )
    assert [
        (mirror["usable"], mirror["silent"], mirror["failed_at"], mirror["reason"]) for mirror in result["mirrors"]
    ] == [
        (None, True, "http", f"http://silent.example/v2/{asked} gives no valid HTTP response: no answer in time"),
        (None, True, "tls", "no TLS connection: no answer in time"),
    ]
    assert all("It is not known whether the engine can use the mirror" in warning for warning in result["warnings"])


def test_an_answer_that_arrives_byte_by_byte(run, serve):
    """Each byte arrives in time, but the answer never ends."""
    over = threading.Event()

    def trickle(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _step in range(200):
            if over.wait(0.05):
                break
            handler.wfile.write(b"x")

    serve("cache.example", None, handler=served(None, do_GET=trickle))
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], timeout=1))
    over.set()
    assert (mirror["usable"], mirror["silent"], mirror["failed_at"], mirror["reason"]) == (
        None,
        True,
        "http",
        "no answer in time (step: http)",
    )


def test_a_process_whose_answer_never_ends(serve):
    """The process of a check is a copy of this one, in which a thread that was made before counts as ended."""
    over = threading.Event()

    def trickle(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.05):
            handler.wfile.write(b"x")

    serve("cache.example", None, handler=served(None, do_GET=trickle))
    deadline = time.monotonic() + 1
    probe = probes.Probe("http://cache.example/", connection.Route("/nowhere"), [], "linux/amd64", deadline)
    report = probes._in_own_process(probe)()
    over.set()
    assert (report["silent"], report["failed_at"]) == (True, "http")
    assert report["reason"] == "no answer in time (step: http)"


def test_a_resolver_that_hangs(run, monkeypatch):
    """The module returns in time, and the thread does not keep the process alive."""
    over, threads = threading.Event(), []

    def hang(*_words, **_options):
        threads.append(threading.current_thread())
        over.wait(20)
        return []

    resolve_with(monkeypatch, hang)
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], timeout=1))
    over.set()
    assert (mirror["failed_at"], mirror["reason"]) == ("dns", "no answer in time (step: dns)")
    (thread,) = threads
    assert thread.daemon
    # It must not continue during another test.
    thread.join(20)


def fail_with(problem):
    def fail(*_words, **_options):
        raise problem

    return fail


def test_an_unexpected_error_is_the_reason(run, monkeypatch):
    monkeypatch.setattr(checks.Check, "run", fail_with(RuntimeError("odd \x1b http://a:b@c.example")))
    result = run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"])
    mirror = one(result)
    reason = "the check failed with an unexpected error, RuntimeError: odd \\x1b http://***@c.example"
    assert (mirror["usable"], mirror["failed_at"], mirror["silent"], mirror["reason"]) == (None, "dns", False, reason)
    assert mirror["images"][0]["reason"] == reason
    text = "It is not known whether the engine can use the mirror http://cache.example/"
    assert result["warnings"] == [f"{text}: {reason}."]


def test_an_unexpected_error_at_an_image_is_the_reason(run, serve, monkeypatch):
    """The mirror answered before. That is not enough to decide."""
    serve("cache.example", Answers(REGISTRY))
    monkeypatch.setattr(client.Registry, "judge", fail_with(KeyError("x")))
    mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"]))
    reason = "the check failed with an unexpected error, KeyError: 'x'"
    assert (mirror["usable"], mirror["reason"], mirror["images"][0]["reason"]) == (None, reason, reason)


def test_a_check_that_fails_just_after_the_deadline(monkeypatch):
    def ends(probe):
        probe._failure = connection.Failure("tcp", "refused")
        return False

    monkeypatch.setattr(probes.Probe, "join", lambda _probe, _seconds: None)
    monkeypatch.setattr(probes.Probe, "is_alive", ends)
    report = a_probe().result()
    assert (report["usable"], report["failed_at"], report["reason"]) == (False, "tcp", "refused")


ENDS_OF_A_PROCESS = {
    "time is over": (signal.SIGALRM, "its answer could not be read within the time limit"),
    "killed": (signal.SIGKILL, "the process of the check ended without a report (wait status 9)"),
}


@pytest.mark.parametrize(("number", "reason"), ENDS_OF_A_PROCESS.values(), ids=ENDS_OF_A_PROCESS)
def test_a_process_that_ends_without_a_report(monkeypatch, number, reason):
    monkeypatch.setattr(checks.Check, "run", lambda *_words: os.kill(os.getpid(), number))
    report = probes._in_own_process(a_probe())()
    assert (report["usable"], report["failed_at"], report["reason"]) == (None, "http", reason)


def test_an_unexpected_error_in_a_process_is_the_reason(monkeypatch):
    monkeypatch.setattr(probes.Probe, "result", fail_with(RuntimeError("odd")))
    monkeypatch.setattr(checks.Check, "run", lambda *_words: None)
    report = probes._in_own_process(a_probe())()
    assert report["reason"] == "the check failed with an unexpected error, RuntimeError: odd"


def a_probe():
    return probes.Probe("http://cache.example/", connection.Route("/nowhere"), [], "linux/amd64", time.monotonic() + 10)


def test_the_step_is_known_at_any_time(engine, run, serve, network, authority, monkeypatch):
    """It is part of the report when the time is over."""
    steps = []

    def record(owner, name):
        original = getattr(owner, name)

        def recorded(self, *args, **kwargs):
            steps.append((name, getattr(self, "connector", self).stage))
            return original(self, *args, **kwargs)

        monkeypatch.setattr(owner, name, recorded)

    for name in ("_dial", "_tunnel", "_encrypt"):
        record(connection.Connector, name)
    record(http_session.Session, "_body")
    serve("proxy.example", None, handler=relay(Answers(), network))
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example"))
    engine.proxies = {"https": "http://proxy.example"}
    assert one(
        run(
            "registry_mirrors_health_info",
            mirrors=["https://cache.example"],
            ca_certificates={"cache.example": authority.text},
        )
    )["usable"]
    assert steps[:4] == [("_dial", "tcp"), ("_tunnel", "proxy"), ("_encrypt", "tls"), ("_body", "http")]


# -- TLS -------------------------------------------------------------------------------------------------------------


class Authority:
    """A CA and the certificates that it signed, as files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.key, self.certificate = self.make("ca", None, days=30)

    def make(self, name, issuer, *, days):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - datetime.timedelta(days=60),
            now + datetime.timedelta(days=days, hours=1),
        )
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False).add_extension(
            x509.BasicConstraints(not issuer, None), critical=True
        )
        certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        )
        return key, certificate

    def context(self, name, *, days=30):
        self.make(name, self, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context

    @property
    def text(self):
        return (self.folder / "ca.crt").read_text()


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


FOLDERS = {
    # (image store, version): the folder of certificates that the engine uses
    ("graphdriver", "28.5.2"): "cache.example:5000",
    ("containerd", "26.1.5"): "cache.example:5000",
    ("containerd", "28.5.2"): "docker.io",
}


@pytest.mark.parametrize(("key", "folder"), FOLDERS.items(), ids=[" ".join(key) for key in FOLDERS])
def test_certificates_of_the_engine(engine, run, serve, certs, authority, key, folder):
    engine.store, engine.version = key
    days = 4000  # Many days, so that a wrong length of a day is noticed.
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example", days=days))
    untrusted = one(run("registry_mirrors_health_info", mirrors=["https://cache.example:5000"]))
    assert (untrusted["failed_at"], untrusted["tls"]) == ("tls", None)
    reason = (
        "its certificate is not trusted: unable to get local issuer certificate "
        "(checked against the system's CAs and no file in {})"
    )
    assert untrusted["reason"] == reason.format(certs / folder)
    for name in {"cache.example:5000", "docker.io"} - {folder}:
        (certs / name).mkdir(parents=True)
        (certs / name / "ca.crt").write_text(authority.text)
    assert not one(run("registry_mirrors_health_info", mirrors=["https://cache.example:5000"]))["usable"]
    (certs / folder).mkdir(parents=True)
    (certs / folder / "ca.crt").write_text(authority.text)
    (certs / folder / "a note").write_text("not a certificate")
    mirror = one(run("registry_mirrors_health_info", mirrors=["https://cache.example:5000"]))
    ends = mirror["tls"].pop("not_after")
    assert mirror["usable"] and ends.endswith(" GMT")
    assert mirror["tls"] == {
        "version": "TLSv1.3",
        "verified": True,
        "days_left": days,
        "certificates": [str(certs / folder / "ca.crt")],
    }


def test_ca_certificates(run, serve, authority):
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example"))
    mirror = one(
        run(
            "registry_mirrors_health_info",
            mirrors=["https://cache.example"],
            ca_certificates={"cache.example": authority.text},
        )
    )
    assert mirror["usable"] and mirror["tls"]["certificates"] == ["ca_certificates"]
    refused = run(
        "registry_mirrors_health_info",
        mirrors=["https://cache.example"],
        ca_certificates={"other.example": authority.text},
    )
    assert "no declared mirror has this host" in refused["msg"]


DAMAGED = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize(("host", "text"), [("cache.example", DAMAGED), ("cache.example", 7), ("other.example", None)])
def test_certificates_are_refused_without_the_option_mirrors_too(
    engine, run, serve, daemon_json, authority, state, host, text
):
    """The mirrors are then those in force, or those in the file of an engine that does not run."""
    answers = serve("cache.example", Answers(REGISTRY))
    daemon_json.parent.mkdir()
    daemon_json.write_text('{"registry-mirrors": ["http://cache.example"]}')
    engine.state, engine.mirrors = state, ["http://cache.example/"]
    certificates = {host: authority.text if text is None else text}
    named = run("registry_mirrors_health_info", mirrors=["http://cache.example"], ca_certificates=certificates)
    found = run("registry_mirrors_health_info", ca_certificates=certificates)
    assert found["failed"] and found["msg"].startswith(f'ca_certificates, "{host}": ')
    assert found["msg"] == named["msg"]
    assert answers.asked == []


def test_comments_in_certificates_may_hold_any_letter(run, serve, authority):
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example"))
    certificates = {"cache.example": f"# Zertifikat für die Büros\n{authority.text}"}
    assert one(run("registry_mirrors_health_info", mirrors=["https://cache.example"], ca_certificates=certificates))[
        "usable"
    ]


@pytest.mark.parametrize(
    ("name", "days", "why"),
    [("other.example", 30, "Hostname mismatch"), ("cache.example", -1, "certificate has expired")],
    ids=["name", "expired"],
)
def test_certificates_that_are_not_valid(run, serve, certs, authority, network, name, days, why):
    (certs / "cache.example").mkdir(parents=True)
    (certs / "cache.example" / "ca.crt").write_text(authority.text)
    serve(name, Answers(REGISTRY), authority.context(name, days=days))
    network["cache.example"] = network[name]
    mirror = one(
        run(
            "registry_mirrors_health_info",
            mirrors=["https://cache.example"],
            ca_certificates={"cache.example": authority.text},
        )
    )
    assert mirror["failed_at"] == "tls" and why in mirror["reason"]
    assert mirror["reason"].endswith(
        f" (checked against the system's CAs and {certs}/cache.example/ca.crt, ca_certificates)"
    )


def test_a_client_certificate(run, serve, certs, authority):
    context = authority.context("cache.example")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.folder / "ca.crt")
    serve("cache.example", Answers(REGISTRY), context)
    authority.make("client", authority, days=30)
    folder = certs / "cache.example"
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_text(authority.text)
    assert not one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))["usable"]
    (folder / "client.cert").write_bytes((authority.folder / "client.crt").read_bytes())
    without = one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))
    assert (without["failed_at"], without["reason"]) == (
        "tls",
        f"{folder}/client.cert cannot be used: No such file or directory",
    )
    (folder / "client.key").write_bytes((authority.folder / "client.key").read_bytes())
    assert one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))["tls"]["certificates"] == [
        str(folder / "ca.crt"),
        str(folder / "client.cert"),
    ]


def test_an_insecure_registry(engine, run, serve, authority):
    engine.settings["insecure-registries"] = ["cache.example"]
    serve("cache.example", Answers(REGISTRY), authority.context("other.example"))
    mirror = one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))
    assert mirror["usable"]
    assert mirror["tls"] == {
        "version": "TLSv1.3",
        "verified": False,
        "not_after": None,
        "days_left": None,
        "certificates": [],
    }


def test_a_server_without_tls(run, serve):
    serve("cache.example", Answers(REGISTRY))
    mirror = one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))
    assert mirror["failed_at"] == "tls" and mirror["reason"].startswith("no TLS connection: ")


# -- images ----------------------------------------------------------------------------------------------------------


INDEX_TYPE, MANIFEST_TYPE = pull_rules.INDEXES[1], pull_rules.MANIFESTS[1]


def manifest(reference, body, digest=ONE):
    headers = {"Docker-Content-Digest": digest, "Content-Type": INDEX_TYPE if body is INDEX else MANIFEST_TYPE}
    return {f"/v2/library/alpine/manifests/{reference}": (200, headers, body)}


IMAGES = {
    # name: (answers, report of the image)
    "one manifest": (
        {**manifest("latest", LAYERS), **manifest(ONE, LAYERS)},
        {"verdict": "used", "cached": True, "digest": ONE, "size": 537, "reason": None},
    ),
    "an index": (
        {**manifest("latest", INDEX), **manifest(ONE, INDEX), **manifest(OTHER, LAYERS)},
        {"verdict": "used", "cached": True, "digest": ONE, "size": 537, "reason": None},
    ),
    "not there": (
        {},
        {"verdict": "not_used", "cached": False, "digest": None, "size": None, "reason": "it does not have this image"},
    ),
    "limited": (
        {"/v2/library/alpine/manifests/latest": (429, {}, b"")},
        {
            "verdict": "not_used",
            "cached": False,
            "digest": None,
            "size": None,
            "reason": "HTTP 429 (its rate limit is reached)",
        },
    ),
    "refused": (
        {"/v2/library/alpine/manifests/latest": (403, {}, b"")},
        {"verdict": "not_used", "cached": False, "digest": None, "size": None, "reason": "HTTP 403"},
    ),
    "no digest": (
        manifest("latest", LAYERS, "x"),
        {
            "verdict": "not_used",
            "cached": False,
            "digest": None,
            "size": None,
            "reason": "its answer has no valid digest",
        },
    ),
    "no manifest": (
        manifest("latest", LAYERS),
        {
            "verdict": "not_used",
            "cached": False,
            "digest": None,
            "size": None,
            "reason": "it has the tag, and answers with HTTP 404 for its manifest",
        },
    ),
    "invalid sizes": (
        {**manifest("latest", b""), **manifest(ONE, {"config": {"size": True}, "layers": [{"size": "5"}, 7]})},
        {
            "verdict": "used",
            "cached": True,
            "digest": ONE,
            "size": None,
            "reason": "its manifest is missing or not valid",
        },
    ),
    "a large manifest": (
        {**manifest("latest", b""), **manifest(ONE, b" " * 100000 + json.dumps(LAYERS).encode())},
        {"verdict": "used", "cached": True, "digest": ONE, "size": 537, "reason": None},
    ),
    "an empty image": (
        {**manifest("latest", b""), **manifest(ONE, {"config": {"size": 0}, "layers": []})},
        {"verdict": "used", "cached": True, "digest": ONE, "size": 0, "reason": None},
    ),
    "an error with a manifest": (
        {**manifest("latest", b""), f"/v2/library/alpine/manifests/{ONE}": (403, {}, LAYERS)},
        {
            "verdict": "not_used",
            "cached": False,
            "digest": None,
            "size": None,
            "reason": "it has the tag, and answers with HTTP 403 for its manifest",
        },
    ),
    "a list": (
        {**manifest("latest", b""), **manifest(ONE, [1])},
        {
            "verdict": "used",
            "cached": True,
            "digest": ONE,
            "size": None,
            "reason": "its manifest is missing or not valid",
        },
    ),
    "a negative size": (
        {**manifest("latest", b""), **manifest(ONE, {"config": {"size": -1}})},
        {
            "verdict": "used",
            "cached": True,
            "digest": ONE,
            "size": None,
            "reason": "its manifest is missing or not valid",
        },
    ),
    "deep": (
        {**manifest("latest", b""), **manifest(ONE, b"[" * 100000)},
        {
            "verdict": "used",
            "cached": True,
            "digest": ONE,
            "size": None,
            "reason": "its manifest is missing or not valid",
        },
    ),
    **{
        f"a size of {name}": (
            {**manifest("latest", b""), **manifest(ONE, b'{"config": {"size": %s}, "layers": [{"size": 1}]}' % digits)},
            {
                "verdict": "used",
                "cached": True,
                "digest": ONE,
                "size": None,
                "reason": "its manifest is missing or not valid",
            },
        )
        for name, digits in {
            "4,000 digits": b"9" * 4000,
            "5,000 digits": b"9" * 5000,
            "20 digits": b"1" + b"0" * 19,
            "64 bits": b"%d" % 2**63,
            "64 bits with the next": b"%d" % (2**63 - 1),
        }.items()
    },
    "the largest size": (
        {**manifest("latest", b""), **manifest(ONE, {"config": {"size": 2**63 - 1}, "layers": []})},
        {"verdict": "used", "cached": True, "digest": ONE, "size": 2**63 - 1, "reason": None},
    ),
}


@pytest.mark.parametrize(("answers", "report"), IMAGES.values(), ids=IMAGES)
def test_an_image(run, serve, answers, report):
    serve("cache.example", Answers({**REGISTRY, **answers}))
    mirror = one(
        run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"], platform="linux/arm64")
    )
    assert mirror["images"] == [{"image": "alpine", **report, "same_as_hub": None}]
    is_refused = report["verdict"] == "not_used" and report["reason"] != "it does not have this image"
    assert (mirror["usable"], mirror["reason"]) == ((False, report["reason"]) if is_refused else (True, None))


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/s390x", "windows/arm64"])
def test_an_image_for_other_platforms_only(run, serve, platform):
    serve("cache.example", Answers({**REGISTRY, **manifest("latest", INDEX), **manifest(ONE, INDEX)}))
    (image,) = one(
        run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"], platform=platform)
    )["images"]
    assert (image["digest"], image["size"], image["reason"]) == (ONE, None, f"the image does not exist for {platform}")


@pytest.mark.parametrize(
    ("processor", "platform"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "arm/v7"), ("riscv64", "riscv64")]
)
def test_the_platform_of_the_host(run, serve, monkeypatch, processor, platform):
    name = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result([*name[:4], processor]))
    system, architecture, *variant = f"linux/{platform}".split("/")
    entry = {
        "digest": OTHER,
        "platform": {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})},
    }
    serve(
        "cache.example",
        Answers(
            {**REGISTRY, **manifest("latest", b""), **manifest(ONE, {"manifests": [entry]}), **manifest(OTHER, LAYERS)}
        ),
    )
    assert (
        one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"]))["images"][0][
            "size"
        ]
        == 537
    )


def test_a_token_for_each_image(run, serve):
    scope = "/token?service=cache&scope=repository%3A{}%3Apull"
    answers = serve(
        "cache.example",
        Answers(
            {
                "/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example/token",service="cache"'}, {}),
                scope.format("library%2Falpine"): (200, {}, {"token": "one~!"}),
                scope.format("a%2Fb"): (200, {}, {"access_token": "two"}),
                **manifest("latest", b""),
                **manifest(ONE, LAYERS),
            }
        ),
    )
    mirror = one(
        run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine", "a/b:1", "a/c"])
    )
    assert (mirror["usable"], mirror["authentication"], mirror["failed_at"]) == (True, "bearer", "token")
    assert [image["cached"] for image in mirror["images"]] == [True, False, None]
    assert ("HEAD", "/v2/library/alpine/manifests/latest", "Bearer one~!") in answers.asked
    assert ("HEAD", "/v2/a/b/manifests/1", "Bearer two") in answers.asked
    assert len([path for _method, path, _token in answers.asked if path.startswith("/token")]) == 3


def test_a_token_over_tls(run, serve, authority):
    scope = "/token?scope=repository%3Alibrary%2Falpine%3Apull"
    token = {
        "/v2/": (401, {"WWW-Authenticate": 'Bearer realm="https://cache.example/token"'}, {}),
        scope: (200, {}, {"token": "one"}),
    }
    serve("cache.example", Answers(token), authority.context("cache.example"))
    assert one(
        run(
            "registry_mirrors_health_info",
            mirrors=["https://cache.example"],
            ca_certificates={"cache.example": authority.text},
        )
    )["usable"]


def test_a_silent_token_server(run, serve, network):
    """The failed step is the token, and the addresses in the report stay the mirror's own."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        network["token.example"] = silent.getsockname()[1]
        serve(
            "cache.example", Answers({"/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://token.example/"'}, {})})
        )
        mirror = one(run("registry_mirrors_health_info", mirrors=["http://cache.example"], timeout=1))
    assert (mirror["failed_at"], mirror["silent"], mirror["status"]) == ("token", True, 401)


@pytest.mark.parametrize(("host", "sent"), [("other.example", None), ("cache.example", "Bearer one")])
def test_only_the_same_host_gets_the_token(run, serve, host, sent):
    token = {"/token?scope=repository%3Alibrary%2Falpine%3Apull": (200, {}, {"token": "one"})}
    challenge = {"/v2/": (401, {"WWW-Authenticate": 'Bearer realm="http://cache.example/token"'}, {})}
    away = {"/v2/library/alpine/manifests/latest": (307, {"Location": f"http://{host}/x"}, b"")}
    found = {"/x": (200, {"Docker-Content-Digest": ONE}, b"")}
    held = {"other.example": found, "cache.example": {**challenge, **token, **away, **found}}
    servers = {name: serve(name, Answers(answers)) for name, answers in held.items()}
    run("registry_mirrors_health_info", mirrors=["http://cache.example"], images=["alpine"])
    assert [asked for asked in servers[host].asked if asked[1] == "/x"] == [("HEAD", "/x", sent)]


NAMES = {
    "alpine": ("library/alpine", "latest"),
    " alpine:3.20 ": ("library/alpine", "3.20"),
    "grafana/grafana": ("grafana/grafana", "latest"),
    "docker.io/alpine": ("library/alpine", "latest"),
    "index.docker.io/a/b-c__d:x": ("a/b-c__d", "x"),
    f"alpine@{ONE}": ("library/alpine", ONE),
    f"alpine:3@{ONE}": ("library/alpine", ONE),
}


@pytest.mark.parametrize(("text", "parsed"), NAMES.items(), ids=[name.strip()[:20] for name in NAMES])
def test_image_names(text, parsed):
    assert images.parse(text)[1:] == parsed


REFUSED = {
    "": "not a valid image name",
    "Alpine": "not a valid image name",
    "alpine@sha256:1": "not a valid image name",
    "alpine:": "not a valid image name",
    "ghcr.io/a/b": "an image of ghcr.io; engines use mirrors only for images of Docker Hub.",
    "localhost/a": "an image of localhost",
    "cache:5000/a": "an image of cache:5000",
}


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=REFUSED)
def test_invalid_image_names(run, text, why):
    assert why in run("registry_mirrors_health_info", mirrors=[], images=[text])["msg"]


def test_an_invalid_url(run):
    assert "it has no scheme" in run("registry_mirrors_health_info", mirrors=["cache.example"])["msg"]


# -- Docker Hub ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        (
            {
                "ratelimit-limit": "100;w=21600",
                "ratelimit-remaining": "87;w=21600",
                "docker-ratelimit-source": "192.0.2.7",
            },
            {"limit": 100, "remaining": 87, "window_seconds": 21600, "source": "192.0.2.7"},
        ),
        (
            {"ratelimit-limit": "100", "ratelimit-remaining": "0"},
            {"limit": 100, "remaining": 0, "window_seconds": None, "source": None},
        ),
        (
            {"ratelimit-limit": "1", "ratelimit-remaining": "1", "docker-ratelimit-source": "x" * 300},
            {"limit": 1, "remaining": 1, "window_seconds": None, "source": f"{'x' * 99}…"},
        ),
        ({"ratelimit-limit": "1" * 5000, "ratelimit-remaining": "1"}, None),
        (
            {"ratelimit-limit": "1;w=1234567890", "ratelimit-remaining": "1"},
            {"limit": 1, "remaining": 1, "window_seconds": None, "source": None},
        ),
        ({"ratelimit-limit": "100"}, None),
        ({}, None),
    ],
)
def test_docker_hub(engine, run, serve, certs, authority, headers, limit):
    (certs / "docker.io").mkdir(parents=True)
    (certs / "docker.io" / "ca.crt").write_text(authority.text)
    hub = Answers(
        {**REGISTRY, **manifest("latest", b""), "HEAD /v2/ratelimitpreview/test/manifests/latest": (200, headers, b"")}
    )
    serve("registry-1.docker.io", hub, authority.context("registry-1.docker.io"))
    serve("same.example", Answers({**REGISTRY, **manifest("latest", b""), **manifest(ONE, LAYERS)}))
    serve("old.example", Answers({**REGISTRY, **manifest("latest", b"", OTHER), **manifest(OTHER, LAYERS)}))
    serve("empty.example", Answers(REGISTRY))
    mirrors = [f"http://{name}.example" for name in ("same", "old", "empty")]
    result = run("registry_mirrors_health_info", mirrors=mirrors, images=["alpine"], hub=True)
    assert [mirror["images"][0]["same_as_hub"] for mirror in result["mirrors"]] == [True, False, None]
    assert result["hub"]["rate_limit"] == limit
    assert result["hub"]["images"] == [
        {"image": "alpine", "verdict": "used", "cached": True, "digest": ONE, "size": None, "reason": None}
    ]
    assert {method for method, path, _token in hub.asked if "/manifests/" in path} == {"HEAD"}, (
        "other requests would count"
    )


# -- proxies ---------------------------------------------------------------------------------------------------------


def relay(answers, network, authorization=None):
    """Return the handler of a proxy that fetches plain URLs, and opens tunnels for encrypted ones."""

    def connect(handler):
        answers.asked.append((handler.command, handler.path, handler.headers.get("Proxy-Authorization")))
        if authorization and handler.headers.get("Proxy-Authorization") != authorization:
            handler.send_response(407)
            handler.end_headers()
            return
        with socket.create_connection(("127.0.0.1", network[handler.path.partition(":")[0]])) as target:
            handler.send_response(200)
            handler.end_headers()
            threading.Thread(target=pump, args=(handler.rfile.read1, target), daemon=True).start()
            pump(target.recv, handler.connection)

    def pump(read, target):
        with contextlib.suppress(OSError, ValueError):  # The source may be closed.
            while True:
                part = read(65536)
                if not part:
                    break
                target.sendall(part)

    return served(answers, do_CONNECT=connect)


def test_a_proxy(engine, run, serve, network, authority):
    asked = Answers({"http://plain.example/v2/": (200, {}, {})})
    serve("proxy.example", asked, handler=relay(asked, network))
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example"))
    engine.proxies = {"http": "http://proxy.example:3128", "https": "proxy.example:3128", "no": ""}
    mirrors = ["https://cache.example", "http://plain.example"]
    result = run("registry_mirrors_health_info", mirrors=mirrors, ca_certificates={"cache.example": authority.text})
    assert result["usable_mirrors"] == ["https://cache.example/", "http://plain.example/"]
    assert {mirror["proxy"] for mirror in result["mirrors"]} == {"http://proxy.example:3128"}
    assert {("CONNECT", "cache.example:443", None), ("GET", "http://plain.example/v2/", None)} <= set(asked.asked)


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(("written", "sent"), [("a:b%20c", b"a:b c"), ("a", b"a:")])
def test_a_proxy_with_a_user(engine, run, serve, network, authority, monkeypatch, daemon_json, written, sent, place):
    user = f"Basic {base64.b64encode(sent).decode()}"
    asked = Answers()
    serve("proxy.example", asked, handler=relay(asked, network, user))
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example"))
    engine.proxies = {"http": "", "https": "http://xxxxx:xxxxx@proxy.example", "no": ""}
    options = {"mirrors": ["https://cache.example"], "ca_certificates": {"cache.example": authority.text}}
    refused = one(run("registry_mirrors_health_info", **options))
    assert (refused["failed_at"], refused["reason"]) == (
        "proxy",
        "the proxy http://proxy.example refuses to connect to cache.example:443: HTTP 407",
    )
    environment = f"PATH=/bin\0HTTP_PROXY=http://c:d@other.example\0https_proxy=http://{written}@proxy.example\0"
    in_file = json.dumps({"proxies": {"https-proxy": f"http://{written}@proxy.example", "no-proxy": 7}})
    texts = {"/proc/4711/environ": environment} if place == "environment" else {str(daemon_json): in_file}
    monkeypatch.setattr(files, "text_of", lambda path, *_limits: texts.get(path, ""))
    mirror = one(run("registry_mirrors_health_info", **options))
    assert (mirror["usable"], mirror["proxy"]) == (True, "http://***@proxy.example")


PROXY_FAULTS = {
    "unknown": (None, "dns", "the name of the proxy http://proxy.example cannot be resolved"),
    "an error": (
        b"HTTP/1.0 503 x\r\n\r\n",
        "proxy",
        "the proxy http://proxy.example refuses to connect to cache.example:443: HTTP 503",
    ),
    "no HTTP": (
        b"x\r\n\r\n",
        "proxy",
        "the proxy http://proxy.example refuses to connect to cache.example:443: not a valid HTTP response",
    ),
    "a head that does not end": (
        b"HTTP/1.1 503 x\r\nX: ".ljust(65536, b"x"),
        "proxy",
        "the proxy http://proxy.example refuses to connect to cache.example:443: HTTP 503",
    ),
    "an end": (
        b"",
        "proxy",
        "the proxy http://proxy.example refuses to connect to cache.example:443: not a valid HTTP response",
    ),
}


@pytest.mark.parametrize(("answer", "stage", "reason"), PROXY_FAULTS.values(), ids=PROXY_FAULTS)
def test_a_proxy_that_fails(engine, run, serve, answer, stage, reason):
    if answer is not None:
        # After its answer, the proxy keeps the connection open until the client closes it.
        serve(
            "proxy.example",
            None,
            handler=served(None, do_CONNECT=lambda handler: handler.wfile.write(answer) and handler.rfile.read(1)),
        )
    engine.proxies = {"http": "", "https": "http://proxy.example", "no": ""}
    mirror = one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))
    assert mirror["failed_at"] == stage and mirror["reason"].startswith(reason)


def test_a_proxy_with_an_invalid_url(engine, run):
    engine.proxies = {"https": "proxy.example:x"}
    mirror = one(run("registry_mirrors_health_info", mirrors=["https://cache.example"]))
    assert (mirror["failed_at"], mirror["reason"]) == (
        "proxy",
        "http://proxy.example:x is not a valid URL: Port could not be cast to integer value as 'x'",
    )


PROXY_SILENCE = {
    "listens": ("proxy", True, "the proxy http://proxy.example does not answer: no answer in time"),
    "closed": ("tcp", False, "no connection to the proxy http://proxy.example: Connection refused"),
}


@pytest.mark.parametrize(("state", "found"), PROXY_SILENCE.items(), ids=PROXY_SILENCE)
def test_a_proxy_that_does_not_answer(engine, run, network, state, found):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if state == "listens":
            silent.listen()
        network["proxy.example"] = silent.getsockname()[1]
        engine.proxies = {"http": "", "https": "http://proxy.example", "no": ""}
        mirror = one(run("registry_mirrors_health_info", mirrors=["https://cache.example"], timeout=1))
    assert (mirror["failed_at"], mirror["silent"], mirror["reason"]) == found


EXEMPT = {
    # (URL, no_proxy): whether the proxy is not used (golang.org/x/net/http/httpproxy proxy_test.go)
    ("http://cache.example", ""): False,
    ("http://cache.example", "*"): True,
    ("http://cache.example", "cache.example:²"): False,
    ("http://notcache.example", "*.cache.example"): False,
    ("http://cache.example", "*.cache.example"): False,
    ("http://10.9.9.9", "10.1.2.3/8"): True,
    ("http://10.1.2.3", "10.1.2.3:80"): True,
    ("http://10.1.2.3", "10.1.2.3:81"): False,
    ("http://[fd00::2]", "fd00::1:80"): False,
    ("http://[fd00::1]", "fd00::1:80"): False,
    ("http://[fd00::1]", "[fd00::1]:80"): True,
    ("http://[fd00::1]", "[fd00:0::1]:80"): True,
    ("http://[fd00::1]", "[fd00::1]:81"): False,
    ("http://[fd00::1]", "[fd00::2]:80"): False,
    ("http://[fd00::1]", "[fd00::1]"): False,
    ("http://[fd00::1]:8080", "[fd00::1]:8080"): True,
    ("http://cache.example", "fd00::/8"): False,
    ("http://cache.example", "cache.example,other.example"): True,
    ("http://cache.example", "other.example, cache.example"): True,
    ("http://a.cache.example", "cache.example"): True,
    ("http://cache.example", ".cache.example"): False,
    ("http://a.cache.example", ".cache.example"): True,
    ("http://a.cache.example", "*.CACHE.example"): True,
    ("http://mycache.example", "cache.example"): False,
    ("http://cache.example:81", "cache.example:81"): True,
    ("http://cache.example", "cache.example:81"): False,
    ("http://cache.example", "cache.example:80"): True,
    ("https://cache.example", "cache.example:443"): True,
    ("http://10.1.2.3", "10.0.0.0/8"): True,
    ("http://11.1.2.3", "10.0.0.0/8"): False,
    ("http://10.1.2.3", "10.1.2.3"): True,
    ("http://[fd00::1]", "fd00::/8"): True,
    ("http://cache.example", "10.0.0.0/8"): False,
    ("http://localhost", ""): True,
    ("http://127.3.2.1", ""): True,
    ("http://[::1]", ""): True,
    ("http://cache.example", ",,"): False,
}


@pytest.mark.parametrize(
    ("key", "exempt"), EXEMPT.items(), ids=[" ".join(key).encode("ascii", "replace").decode() for key in EXEMPT]
)
def test_no_proxy(key, exempt):
    url, listed = key
    used = {"http": "http://proxy.example", "https": "http://proxy.example", "no": listed}
    assert proxies.proxy_for(url, used) == (None if exempt else "http://proxy.example")


def test_without_a_proxy():
    assert proxies.proxy_for("http://cache.example", {}) is None
    assert proxies.proxy_for("http://cache.example", {"http": "http://proxy.example"}) == "http://proxy.example"
    assert proxies.proxy_for("http://cache.example", {"http": "", "https": "http://proxy.example", "no": ""}) is None
