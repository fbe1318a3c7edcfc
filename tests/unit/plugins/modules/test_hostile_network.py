# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test registry_mirrors_health_info against proxies, redirects and token servers that mean ill."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import types

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    addresses,
    checks,
    client,
    connection,
    dialing,
    images,
    probes,
)
from ansible_collections.pullthrough.docker.tests.unit import hostile
from ansible_collections.pullthrough.docker.tests.unit.plugins.modules import test_health
from ansible_collections.pullthrough.docker.tests.unit.plugins.modules.test_health import (
    LAYERS,
    ONE,
    REGISTRY,
    Answers,
    manifest,
    one,
    served,
)

authority, network, run, serve = test_health.authority, test_health.network, test_health.run, test_health.serve

USER = f"Basic {base64.b64encode(b'me:' + hostile.SECRET.encode()).decode()}"
CHECK = "registry_mirrors_health_info"


# -- proxies ---------------------------------------------------------------------------------------------------------


def tunnelled(answers, network):
    """Return the handler of a proxy that has TLS or not. It relays one request and one answer at a time."""

    def connect(handler):
        answers.asked.append((handler.command, handler.path, handler.headers.get("Proxy-Authorization")))
        host = handler.path.partition(":")[0]
        with socket.create_connection(("127.0.0.1", network[host])) as target:
            handler.send_response(200)
            handler.end_headers()
            handler.connection.settimeout(0.05)
            target.settimeout(0.05)
            exchange(handler.connection, target)

    return served(answers, do_CONNECT=connect)


def exchange(one_side, other_side):
    """Send what comes from each of two connections to the other. One thread does it: TLS allows no more."""
    while True:
        for source, target in ((one_side, other_side), (other_side, one_side)):
            try:
                part = source.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            if not part:
                return
            target.sendall(part)


class Bytes:
    """A server that keeps the first bytes of its first connection, and then closes it."""

    def __init__(self, network, host):
        self.first = b""
        self._ear = socket.create_server(("127.0.0.1", 0))
        network[host] = self._ear.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        try:
            with self._ear.accept()[0] as connected:
                self.first = connected.recv(65536)
        except OSError:  # Nobody connected before the end of the test.
            pass

    def end(self):
        self._ear.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._ear.close()


@pytest.fixture
def user(engine, monkeypatch):
    """Return ``set_(proxy)``, which gives the engine a proxy with a user."""

    def set_(scheme):
        url = f"{scheme}://me:{hostile.SECRET}@proxy.example:3128"
        masked = url.replace(f"me:{hostile.SECRET}", "xxxxx:xxxxx")
        engine.proxies = {"http": masked, "https": masked, "no": ""}
        environment = f"HTTP_PROXY={url}\0HTTPS_PROXY={url}\0"
        monkeypatch.setattr(files, "text_of", lambda path, *_limits: environment if "4711" in path else "")

    return set_


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_user_of_a_proxy(run, serve, network, authority, user, scheme):
    """It reaches the proxy for tunnels and for plain URLs, over TLS if the proxy has TLS."""
    asked = Answers({"http://plain.example/v2/": (200, {}, {})})
    context = authority.context("proxy.example") if scheme == "https" else None
    serve("proxy.example", asked, context, handler=tunnelled(asked, network))
    cache = Answers({**REGISTRY, **manifest("latest", b""), **manifest(ONE, LAYERS)})
    serve("cache.example", cache, authority.context("cache.example"))
    user(scheme)
    mirrors = ["https://cache.example", "http://plain.example"]
    certificates = dict.fromkeys(("cache.example", "plain.example"), authority.text)
    result = run(CHECK, mirrors=mirrors, ca_certificates=certificates, images=["alpine"])
    assert [mirror["reason"] for mirror in result["mirrors"]] == [None, None]
    assert result["mirrors"][0]["images"][0]["size"] == 537
    assert result["mirrors"][0]["tls"]["version"] == "TLSv1.3" and result["mirrors"][0]["tls"]["days_left"] == 30
    assert {mirror["proxy"] for mirror in result["mirrors"]} == {f"{scheme}://***@proxy.example:3128"}
    connects = [entry for entry in asked.asked if entry[0] == "CONNECT"]
    assert set(connects) == {("CONNECT", "cache.example:443", USER)}
    relayed = [headers["Proxy-Authorization"] for headers in asked.headers]
    assert relayed and set(relayed) == {USER}
    assert not [headers for headers in cache.headers if "Proxy-Authorization" in headers]


@pytest.mark.parametrize("mirror", ["https://cache.example", "http://cache.example"])
def test_a_proxy_over_https_gets_no_byte_in_clear_text(run, network, user, mirror):
    server = Bytes(network, "proxy.example")
    user("https")
    report = one(run(CHECK, mirrors=[mirror]))
    server.end()
    assert server.first[:1] == b"\x16", server.first  # A handshake of TLS.
    assert b"CONNECT" not in server.first and USER.encode() not in server.first
    assert report["failed_at"] == "proxy"
    assert report["reason"].startswith("no TLS connection to the proxy https://***@proxy.example:3128: ")


@pytest.mark.parametrize(
    ("name", "insecure", "why"),
    [
        ("proxy.example", False, None),
        ("other.example", False, "Hostname mismatch"),
        ("proxy.example", True, None),
        ("other.example", True, "Hostname mismatch"),
    ],
)
def test_the_certificate_of_a_proxy(engine, run, serve, network, authority, user, name, insecure, why):
    """It is verified for the name of the proxy, even if the registry is insecure."""
    engine.settings["insecure-registries"] = ["cache.example"] * insecure
    asked = Answers()
    serve("proxy.example", asked, authority.context(name), handler=tunnelled(asked, network))
    serve("cache.example", Answers(REGISTRY), authority.context("cache.example"))
    user("https")
    mirror = one(run(CHECK, mirrors=["https://cache.example"], ca_certificates={"cache.example": authority.text}))
    assert (mirror["usable"], mirror["failed_at"]) == ((False, "proxy") if why else (True, None))
    if why:
        begin = f"the certificate of the proxy https://***@proxy.example:3128 is not trusted: {why}"
        assert mirror["reason"].startswith(begin) and asked.asked == []


@pytest.mark.parametrize("name", ["cache.example", "other.example"])
def test_the_certificate_of_a_registry_behind_a_proxy_with_tls(run, serve, network, authority, user, name):
    asked = Answers()
    serve("proxy.example", asked, authority.context("proxy.example"), handler=tunnelled(asked, network))
    serve("cache.example", Answers(REGISTRY), authority.context(name))
    user("https")
    mirror = one(run(CHECK, mirrors=["https://cache.example"], ca_certificates={"cache.example": authority.text}))
    assert (mirror["usable"], mirror["failed_at"]) == ((True, None) if name == "cache.example" else (False, "tls"))
    assert name == "cache.example" or "its certificate is not trusted: Hostname mismatch" in mirror["reason"]


def test_a_registry_behind_a_proxy_with_tls_is_silent(run, serve, network, authority, user):
    asked = Answers()
    serve("proxy.example", asked, authority.context("proxy.example"), handler=tunnelled(asked, network))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        network["cache.example"] = silent.getsockname()[1]
        user("https")
        certificates = {"cache.example": authority.text}
        mirror = one(run(CHECK, mirrors=["https://cache.example"], ca_certificates=certificates, timeout=1))
    assert (mirror["failed_at"], mirror["silent"]) == ("tls", True)
    assert mirror["reason"] == "no TLS connection: no answer in time"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "ftp"])
@pytest.mark.parametrize("mirror", ["https://cache.example", "http://cache.example"])
def test_a_proxy_of_another_scheme_gets_nothing(run, network, user, scheme, mirror):
    server = Bytes(network, "proxy.example")
    user(scheme)
    report = one(run(CHECK, mirrors=[mirror]))
    server.end()
    assert server.first == b""
    assert (report["failed_at"], report["silent"], report["reason"]) == (
        "proxy",
        False,
        f"this check can use only http and https proxies, not the proxy {scheme}://***@proxy.example:3128. "
        "The engine may be able to use it. Pull an image to test it, as docker_mirror_canary_images does",
    )


# -- redirects and token servers -------------------------------------------------------------------------------------

KINDS = {
    "127.0.0.1": "loopback",
    "127.9.9.9": "loopback",
    "::1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "169.254.169.254": "link-local",
    "::ffff:169.254.169.254": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "0.0.0.0": "unspecified",  # noqa: S104
    "::": "unspecified",
    "::ffff:0.0.0.0": "unspecified",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "::127.0.0.1": "loopback",
    "::ffff:0:127.0.0.1": "loopback",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::169.254.169.254": "link-local",
    "64:ff9b::": "unspecified",
    "64:ff9b:1::169.254.169.254": "link-local",
    "64:ff9b:1:a9fe:a9:fe00::": "link-local",  # NAT64 with a prefix of 48 bits
    "64:ff9b:1:a9:fe:a9fe::": "link-local",  # 56 bits
    "64:ff9b:1::a9:fea9:fe00:0": "link-local",  # 64 bits
    "64:ff9b:1::": "unspecified",
    "2002:7f00:1::1": "loopback",
    "2002:a9fe:a9fe::1": "link-local",
    "2002:e000:1::": "multicast",
    "fd00:ec2::254": "cloud metadata",
    "fd00:ec2::23": "cloud metadata",
    "fd20:ce::254": "cloud metadata",
    "fd00:c1::a9fe:a9fe": "cloud metadata",
    "100.100.100.200": "cloud metadata",
    "::ffff:100.100.100.200": "cloud metadata",
    "192.0.2.1": None,
    "10.0.0.1": None,
    "fd00::1": None,
    "2001:db8::1": None,
    "::192.0.2.1": None,
    "64:ff9b::192.0.2.1": None,
    "64:ff9b:1::10.0.0.1": None,
    "64:ff9b:1::203.0.113.5": None,
    "64:ff9b:2::127.0.0.1": None,
    "2002:c000:201::1": None,
    "2003:7f00:1::1": None,
    "fd20:ce::1": None,
}


@pytest.mark.parametrize(("address", "kind"), KINDS.items(), ids=KINDS)
def test_kinds_of_addresses(address, kind):
    assert addresses.kind(address) == kind


HOSTS = {
    "localhost": "loopback",
    "LOCALHOST.": "loopback",
    "a.localhost": "loopback",
    "127.1": "loopback",
    "2130706433": "loopback",
    "0xa9fea9fe": "link-local",
    "::ffff:a9fe:a9fe": "link-local",
    "64:ff9b::7f00:1": "loopback",
    "FD00:0EC2::254": "cloud metadata",
    "notlocalhost": None,
    "cache.example": None,
    "10.0.0.1": None,
    "": None,
    "a" * 70: None,
    "ä" * 70: None,
}


@pytest.mark.parametrize(("host", "kind"), HOSTS.items(), ids=[repr(host)[:20] for host in HOSTS])
def test_kinds_of_hosts(host, kind):
    assert addresses.kind_of_host(host) == kind


@pytest.fixture
def at(network, monkeypatch):
    """Return ``at(host, address)``, which gives a host an address. Its server still listens at 127.0.0.1."""
    given = {}
    look_up_before = connection.socket.getaddrinfo

    class Mapped(socket.socket):
        def connect(self, address):
            super().connect(("127.0.0.1", address[1]))

    def look_up(host, port, **options):
        if host in given:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (given[host], network.get(host, port)))]
        return look_up_before(host, port, **options)

    replaced = {**vars(socket), "getaddrinfo": look_up, "socket": Mapped}
    for module in (connection, dialing):
        monkeypatch.setattr(module, "socket", types.SimpleNamespace(**replaced))
    return given.__setitem__


def redirect(url):
    return {"/v2/": (307, {"Location": f"{url}/v2/"}, b"")}


def realm(url):
    return {"/v2/": (401, {"WWW-Authenticate": f'Bearer realm="{url}/token"'}, {})}


TOKEN = {"/token?scope=repository%3Alibrary%2Falpine%3Apull": (200, {}, {"token": "one"})}

PLACES = {
    # (address of the mirror, address that it leads to): the kind that is refused, or None
    ("192.0.2.1", "127.0.0.1"): "loopback",
    ("192.0.2.1", "169.254.169.254"): "link-local",
    ("192.0.2.1", "0.0.0.0"): "unspecified",  # noqa: S104
    ("192.0.2.1", "224.0.0.1"): "multicast",
    ("192.0.2.1", "10.0.0.1"): None,
    ("127.0.0.1", "127.0.0.2"): None,
    ("127.0.0.1", "192.0.2.1"): None,
    ("127.0.0.1", "169.254.169.254"): "link-local",
    ("169.254.1.1", "169.254.169.254"): None,
    ("169.254.1.1", "127.0.0.1"): "loopback",
    ("192.0.2.1", "64:ff9b::a9fe:a9fe"): "link-local",
    ("192.0.2.1", "fd00:ec2::254"): "cloud metadata",
    ("169.254.1.1", "fd00:ec2::254"): "cloud metadata",
}


@pytest.mark.parametrize("lead", [redirect, realm])
@pytest.mark.parametrize(("places", "kind"), PLACES.items(), ids=[" to ".join(key) for key in PLACES])
def test_where_a_mirror_can_lead_to(run, serve, at, lead, places, kind):
    serve("cache.example", Answers(lead("http://inner.example")))
    inner = serve("inner.example", Answers({**REGISTRY, **TOKEN}))
    for host, address in zip(("cache.example", "inner.example"), places):
        at(host, address)
    mirror = one(run(CHECK, mirrors=["http://cache.example"]))
    assert mirror["usable"] is (True if kind is None else None), mirror
    if kind:
        assert inner.asked == []
        assert (mirror["failed_at"], mirror["silent"], mirror["reason"]) == (
            "tcp",
            False,
            f"no connection to inner.example, port 80: {places[1]} is a {kind} address, and the mirror itself has no "
            "such address. Check the redirects and the token server of the mirror"
            + (" (its token server, http://inner.example/token)" if lead is realm else ""),
        )


def test_a_name_that_changes_its_address(run, serve, at):
    """The mirror itself cannot lead to the host after its first answer, either."""
    answers = Answers({**REGISTRY, **manifest("latest", b"")})

    def answer(handler):
        at("cache.example", "169.254.169.254")
        answers.to(handler)

    serve("cache.example", answers, handler=served(answers, do_GET=answer))
    at("cache.example", "192.0.2.1")
    mirror = one(run(CHECK, mirrors=["http://cache.example"], images=["alpine"]))
    assert "169.254.169.254 is a link-local address" in mirror["images"][0]["reason"]
    assert [method for method, _path, _token in answers.asked] == ["GET"]


@pytest.mark.parametrize("lead", [redirect, realm])
@pytest.mark.parametrize("target", ["http://169.254.169.254", "http://0x7f.1", "http://a.localhost", "http://[::]"])
def test_where_a_mirror_can_lead_a_proxy_to(engine, run, serve, lead, target):
    relayed = {path.replace("/", "http://cache.example/", 1): answer for path, answer in lead(target).items()}
    proxy = serve("proxy.example", Answers(relayed))
    engine.proxies = {"http": "http://proxy.example", "https": "", "no": ""}
    mirror = one(run(CHECK, mirrors=["http://cache.example"]))
    assert (mirror["usable"], mirror["failed_at"]) == (None, "tcp")
    assert " address, and the mirror itself has no such address. " in mirror["reason"]
    assert [path for _method, path, _token in proxy.asked] == ["http://cache.example/v2/"]


DOWNGRADES = {
    redirect: ("http", "redirects to http://cache.example/v2/"),
    realm: ("token", "names the token server http://cache.example/token"),
}


@pytest.mark.parametrize(("lead", "found"), DOWNGRADES.items(), ids=["redirect", "realm"])
def test_no_way_from_https_to_http(run, serve, network, authority, lead, found):
    plain = serve("plain.example", Answers({**REGISTRY, **TOKEN}))
    serve("cache.example", Answers(lead("http://plain.example")), authority.context("cache.example"))
    certificates = {"cache.example": authority.text}
    mirror = one(run(CHECK, mirrors=["https://cache.example"], ca_certificates=certificates))
    stage, verb = found
    assert (mirror["usable"], mirror["failed_at"], mirror["reason"]) == (
        None,
        stage,
        f"https://cache.example/v2/ {verb.replace('cache.example', 'plain.example')}, which is not encrypted, so it "
        "is not asked. Make the mirror use https there as well",
    )
    assert plain.asked == []


# -- results ---------------------------------------------------------------------------------------------------------


def strings(value):
    """Yield all strings in a result, at any depth."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for element in value:
            yield from strings(element)
    elif isinstance(value, str):
        yield value


POISON = f"{hostile.MESSAGE} https://me:{hostile.SECRET}@a.example/?{hostile.SECRET} token={hostile.SECRET}"


def check_strings(report):
    for text in strings(report):
        assert text.isprintable() and hostile.SECRET not in text and len(text) <= 1000, text


def a_probe(url="http://cache.example/", **route):
    found = connection.Route("/nowhere", **route)
    return probes.Probe(url, found, [images.parse("a/token:1")], "linux/amd64", 0)


@pytest.mark.parametrize("url", ["http://cache.example/", client.HUB])
def test_no_field_of_a_report_can_carry_poison(url):
    """Each string of a report is poisoned where the report takes it from, whoever wrote it there."""
    probe = a_probe(url)
    registry, connector = probe._checks[0].registry, probe._connector
    failure = connection.Failure(POISON, POISON)
    registry.status, registry.authentication, registry.redirected_to = POISON, POISON, POISON
    connector.proxy, connector.addresses = POISON, [POISON]
    connector.tls = {"version": POISON, "not_after": POISON, "certificates": [POISON], "new": {"deep": [[POISON]]}}
    probe._checks[0].rate_limit = {"source": POISON}
    unchecked = probe.report(failure)
    probe._checks[0].images = [{"verdict": None, "digest": POISON, "reason": POISON}]
    for report in (unchecked, probe.report(failure)):
        check_strings(report)
        assert report["images"][0]["image"] == "a/token:1"


SECRET = hostile.SECRET.encode()
ANSWERS_TO_CONNECT = [
    b"HTTP/1.1 407 " + hostile.CONTROLS + hostile.FOLDED + SECRET + b"\r\n\r\n",
    b"SSH-2.0-" + hostile.CONTROLS + SECRET + b"\r\n\r\n",
    b"HTTP/1.1 200 x\r\nX: " + hostile.CONTROLS + SECRET + b"\r\n\r\n" + hostile.CONTROLS + SECRET,
]


@pytest.mark.parametrize("answer", ANSWERS_TO_CONNECT, ids=["reason", "status line", "not TLS"])
def test_poison_of_a_proxy(engine, run, serve, answer):
    def connect(handler):
        handler.wfile.write(answer)
        handler.close_connection = True

    serve("proxy.example", None, handler=served(None, do_CONNECT=connect))
    engine.proxies = {"http": "", "https": "http://proxy.example", "no": ""}
    result = run(CHECK, mirrors=["https://cache.example"], images=["alpine"])
    assert one(result)["reason"]
    check_strings(result)


class Huge(RuntimeError):
    def __init__(self):
        super().__init__(10**5000)


ODD = [MemoryError(), RecursionError(), SystemExit(3), KeyboardInterrupt(), Huge(), http.client.LineTooLong("x")]


@pytest.mark.parametrize("problem", ODD, ids=lambda problem: type(problem).__name__)
def test_whatever_a_check_raises_is_in_the_report(monkeypatch, problem):
    monkeypatch.setattr(checks.Check, "run", test_health.fail_with(problem))
    report = probes._in_own_process(test_health.a_probe())()
    assert not report["usable"]
    expected = "MiB of memory" if isinstance(problem, MemoryError) else type(problem).__name__
    assert expected in report["reason"]
    (sentence,) = probes.complaints([report], None)
    assert "None" not in sentence


def test_a_check_without_a_result_has_a_reason(monkeypatch):
    monkeypatch.setattr(probes.Probe, "run", lambda _probe: None)
    probe = a_probe()
    probe.start()
    assert probe.result()["reason"] == "the check ended without a result"
