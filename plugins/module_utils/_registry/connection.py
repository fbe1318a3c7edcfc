# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Open a connection to a registry over the engine's route: DNS, TCP, the engine's proxy, TLS.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time

from types import MappingProxyType
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import SplitResult, urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._host import http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    addresses,
    dialing,
    proxies,
    tls_over_tls,
    trust,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

PROXY_HEAD_LIMIT = 65536
"""The largest head of a proxy's answer to ``CONNECT`` that is read, in bytes."""


class Failure(Exception):
    """A step of a check that failed. The text says why, with secrets masked.

    ``stage`` is the step: ``dns``, ``tcp``, ``proxy``, ``tls``, ``http`` or ``token``. ``is_silent`` is true if
    no answer came at all, because an engine would then wait for it as well. ``is_open`` is true if an engine may be
    able to do the step all the same.
    """

    def __init__(self, stage: str, text: str, *, is_silent: bool = False, is_open: bool = False) -> None:
        super().__init__(masking.mask(text))
        self.stage = stage
        self.is_silent = is_silent
        self.is_open = is_open


class Route(NamedTuple):
    """The engine's settings that decide how it reaches a registry.

    ``folder`` is the engine's folder of certificates for this registry. ``certificates`` are those that are not
    written there yet. ``proxies`` has the engine's ``http`` and ``https`` proxy and its ``no`` list. ``environment`` is
    the engine's, and ``started`` the time at which it started.
    """

    folder: str
    certificates: Optional[str] = None
    insecure: bool = False
    proxies: Mapping[str, str] = MappingProxyType({})
    environment: Mapping[str, str] = MappingProxyType({})
    started: Optional[float] = None


class Connector:
    """Opens connections to one registry. Another thread can read at any time what is known so far."""

    def __init__(self, route: Route, deadline: float) -> None:
        """:param deadline: of ``time.monotonic``, for all connections together."""
        self._route = route
        self._deadline = deadline
        self._cas = trust.SystemCas(route.environment)
        self.stage = "dns"
        self.addresses: List[str] = []
        self.proxy: Optional[str] = None
        self.tls: Optional[Dict[str, Any]] = None
        self._allowed: Optional[FrozenSet[Optional[str]]] = None
        """The kinds of addresses that may be connected to: all until the mirror itself is, then its own and None."""

    def open(self, url: SplitResult, *, record: bool) -> http.client.HTTPConnection:
        """Return a connection to the host of a URL.

        :param record: whether to keep addresses, proxy and TLS for the report. Those of a token server are not kept.
        :raises Failure: with the step that failed.
        """
        proxy = proxies.proxy_for(url.geturl(), self._route.proxies)
        if record:
            self.proxy = masking.mask(proxy) if proxy else None
        sock = self._connect_to_proxy(proxy, url, record=record) if proxy else self._connect(url, record=record)
        host, port = _host_and_port(url)
        try:
            if url.scheme == "https":
                self.stage = "tls"
                sock = self._encrypt(sock, host, record=record)
        except BaseException:
            sock.close()
            raise
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        return connection

    def _connect(self, url: SplitResult, *, record: bool) -> socket.socket:
        """Return a connection to the host of a URL, without a proxy."""
        sock, kind = self._reach(url, masking.mask(url.hostname or "", 253), is_proxy=False, record=record)
        self._allow(kind)
        return sock

    def _connect_to_proxy(self, proxy: str, url: SplitResult, *, record: bool) -> socket.socket:
        """Return a connection to a proxy, in which the proxy connects to the host of a URL if that is encrypted."""
        self.stage = "proxy"
        next_hop, shown = split_url(proxy, "proxy"), f"the proxy {masking.mask(proxy)}"
        if next_hop.scheme not in ("http", "https"):
            text = f"this check can use only http and https proxies, not {shown}. The engine may be able to use it"
            advice = "Pull an image to test it, as docker_mirror_canary_images does"
            raise Failure("proxy", f"{text}. {advice}", is_open=True)
        host, port = _host_and_port(url)
        kind = addresses.kind_of_host(host)
        self._refuse(kind, host, f"{masking.mask(host, 253)}, port {port}")
        sock, _kind = self._reach(next_hop, shown, is_proxy=True, record=record)
        try:
            self.stage = "proxy"
            if next_hop.scheme == "https":
                sock = self._encrypt(sock, next_hop.hostname or "", proxy=shown)
            if url.scheme == "https":
                target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                self._tunnel(sock, proxies.authorization(next_hop), target, shown)
        except BaseException:
            sock.close()
            raise
        self._allow(kind)
        return sock

    def relay_headers(self, url: SplitResult) -> Dict[str, str]:
        """Return the headers for the proxy that fetches this URL itself, if there is one (Go net/http transport.go)."""
        proxy = proxies.proxy_for(url.geturl(), self._route.proxies)
        user = proxies.authorization(split_url(proxy, "proxy")) if proxy and url.scheme == "http" else None
        return {"Proxy-Authorization": user} if user else {}

    def is_relayed(self, url: SplitResult) -> bool:
        """Return whether a proxy fetches this URL itself, which it does if the URL is not encrypted."""
        return url.scheme == "http" and proxies.proxy_for(url.geturl(), self._route.proxies) is not None

    def _seconds_left(self) -> float:
        """Return the seconds until the deadline.

        :raises TimeoutError: if the deadline is over.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _allow(self, kind: Optional[str]) -> None:
        if self._allowed is None:
            self._allowed = frozenset((None, kind))

    def _refuse(self, kind: Optional[str], address: str, shown: str) -> None:
        """Refuse an address that a mirror must not make this host connect to, with a redirect or a token server.

        Behind such addresses are services that trust this host, such as the metadata of a cloud.
        """
        if self._allowed is not None and kind not in self._allowed:
            text = f"no connection to {shown}: {address} is a {kind} address, and the mirror itself has no such address"
            raise Failure("tcp", f"{text}. Check the redirects and the token server of the mirror", is_open=True)

    def _reach(
        self, url: SplitResult, shown: str, *, is_proxy: bool, record: bool
    ) -> Tuple[socket.socket, Optional[str]]:
        """Return a TCP connection to the host of a URL, and the kind of its address."""
        host, port = _host_and_port(url)
        self.stage = "dns"
        found = self._resolve(host, port, shown)
        if record:
            self.addresses = list(dict.fromkeys(address[4][0] for address in found))
        self.stage = "tcp"
        return self._dial(found, shown if is_proxy else f"{shown}, port {port}", is_proxy=is_proxy)

    @staticmethod
    def _resolve(host: str, port: int, shown: str) -> List[Any]:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            text = f"the name of {shown} cannot be resolved: {describe(exc)}. Check DNS and /etc/hosts"
            raise Failure("dns", text) from exc

    def _dial(self, found: Sequence[Any], shown: str, *, is_proxy: bool) -> Tuple[socket.socket, Optional[str]]:
        """Return a connection to the first address that accepts one, and the kind of this address."""
        if not is_proxy:
            for address in found:
                self._refuse(addresses.kind(address[4][0]), address[4][0], shown)
        try:
            sock, address = dialing.connect(found, self._deadline)
        except OSError as exc:
            hint = ". Check the address and the firewalls" if is_silent(exc) else ""
            text = f"no connection to {shown}: {describe(exc)}{hint}"
            raise Failure("tcp", text, is_silent=is_silent(exc)) from exc
        sock.settimeout(self._seconds_left())
        return sock, addresses.kind(address[4][0])

    def _tunnel(self, sock: socket.socket, authorization: Optional[str], target: str, shown: str) -> None:
        """Make the proxy connect to the registry."""
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if authorization:
            lines.append(f"Proxy-Authorization: {authorization}")
        try:
            sock.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = self._read_head(sock)
        except OSError as exc:
            text = f"{shown} does not answer: {describe(exc)}"
            raise Failure("proxy", text, is_silent=is_silent(exc)) from exc
        status = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
        if not status or status[1] != b"200":
            why = f"HTTP {status[1].decode()}" if status else "not a valid HTTP response"
            raise Failure("proxy", f"{shown} refuses to connect to {target}: {why}")

    def _read_head(self, sock: socket.socket) -> bytes:
        """Return the head of a proxy's answer, up to the limit of its size."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n") and len(head) < PROXY_HEAD_LIMIT:
            sock.settimeout(self._seconds_left())
            byte = sock.recv(1)  # One byte at a time: the bytes after the head belong to TLS.
            if not byte:
                break
            head += byte
        return bytes(head)

    def _encrypt(self, sock: socket.socket, host: str, *, proxy: str = "", record: bool = False) -> Any:
        """Return a TLS connection to a host inside a connection: an ``SSLSocket`` or, inside another, a ``TlsOverTls``.

        Go uses one TLS configuration for proxy and registry (net/http transport.go). But this check always verifies a
        proxy, because it gets the engine's user and password.

        :param proxy: how to show the host if it is the proxy.
        """
        is_verified = bool(proxy) or not self._route.insecure
        try:
            context, files = trust.context(
                self._cas, self._route.folder, self._route.certificates, is_verified=is_verified
            )
        except trust.TrustError as exc:
            raise Failure("tls", str(exc)) from exc
        encrypted: Union[ssl.SSLSocket, tls_over_tls.TlsOverTls]
        try:
            if isinstance(sock, ssl.SSLSocket):
                encrypted = tls_over_tls.TlsOverTls(sock, context, host, self._seconds_left)
            else:
                sock.settimeout(self._seconds_left())
                encrypted = context.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as exc:
            cas = f"the system's CAs and {', '.join(files) or f'no file in {self._route.folder}'}"
            subject = f"the certificate of {proxy}" if proxy else "its certificate"
            text = f"{subject} is not trusted: {exc.verify_message} (checked against {cas})"
            raise Failure(self.stage, text) from exc
        except (OSError, ValueError) as exc:
            text = f"no TLS connection{f' to {proxy}' if proxy else ''}: {describe(exc)}"
            raise Failure(self.stage, text, is_silent=is_silent(exc)) from exc
        if record:
            self.tls = self._tls_report(encrypted, files)
        return encrypted

    def _tls_report(self, encrypted: Union[ssl.SSLSocket, tls_over_tls.TlsOverTls], files: List[str]) -> Dict[str, Any]:
        certificate = encrypted.getpeercert() or {}
        not_after = certificate.get("notAfter")
        left = None if not_after is None else ssl.cert_time_to_seconds(str(not_after)) - time.time()
        return {
            "version": encrypted.version(),
            "verified": not self._route.insecure,
            "not_after": not_after,
            "days_left": None if left is None else int(left / 86400),
            "certificates": files,
        }


def _host_and_port(url: SplitResult) -> Tuple[str, int]:
    # The name of an interface after an IPv6 address has an encoded % (RFC 6874).
    return (url.hostname or "").replace("%25", "%", 1), url.port or proxies.default_port(url.scheme)


def host_header(url: SplitResult) -> str:
    """Return the header ``Host``: without the user and the name of an interface (Go net/http request.go)."""
    authority = url.netloc.rpartition("@")[2]
    address, percent, rest = authority.partition("%25")
    return f"{address}]{rest.partition(']')[2]}" if percent else authority


def authorization(url: SplitResult) -> Dict[str, str]:
    """Return the header for the user in a URL that a registry redirects to, as Go sends it."""
    user = proxies.authorization(url)
    return {"Authorization": user} if user else {}


def split_url(url: str, stage: str) -> SplitResult:
    """Return the parts of a URL.

    :raises Failure: at this stage, if the URL is not valid.
    """
    if re.search(r"[\x00-\x20\x7f]", url):
        text = f"{masking.mask_url(url)} is not a valid URL: it contains white space or a control character"
        raise Failure(stage, text)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018
    except ValueError as exc:
        text = f"{masking.mask_url(url)} is not a valid URL: {masking.mask(str(exc), 200)}"
        raise Failure(stage, text) from exc
    return parts


def is_silent(exc: BaseException) -> bool:
    """Return whether no answer came in time. Before Python 3.10, ``socket.timeout`` is a class of its own."""
    return isinstance(exc, (TimeoutError, socket.timeout, http_body.TooSlow))


def describe(exc: BaseException) -> str:
    """Return the reason of an exception as text for a message. It is never empty."""
    if is_silent(exc):
        return "no answer in time"
    try:
        text = str(getattr(exc, "strerror", None) or exc)
    except ValueError:  # It holds a number that is too long to be written.
        text = ""
    return masking.mask(text.strip(), 200) or type(exc).__name__
