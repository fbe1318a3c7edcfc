# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Asking registries from this host, on the way that the engine would take: name, connection, TLS, registry, token, images.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.

What a registry answers is believed of nothing but itself: it is read within bounds of size and time, and no secret is sent to it.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import re
import signal
import socket
import ssl
import threading
import time

from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils import _certs, _engine, _mirror_url, _use

HUB = "https://registry-1.docker.io/"

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one answer at the most, which is what registries allow a manifest (distribution registry/handlers/manifests.go)."""

GRACE = 0.5
"""Seconds more for whoever has waited in vain to say what for."""

REDIRECTS = 9
"""That are followed at the most, as by Go's client, which asks ten times in all (net/http defaultCheckRedirect)."""

HEADER_LIMIT = 8192
"""Characters of a header that are read."""

_SCHEMES = ("basic", "bearer", "digest", "negotiate", "ntlm")
"""The schemes of a challenge that are shown by their names; each other is "other"."""

_PARAMETER = re.compile(r'(?<!\w)(\w+)="([^"]*)"')
"""A parameter of a challenge. A search begins only where a word does: the time must not grow with the square of the length."""

_INDEXES = ("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json")
_MANIFESTS = ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json")
_ACCEPT = ", ".join(_INDEXES + _MANIFESTS)
_RATE = ("ratelimitpreview/test", "latest")
"""What Docker Hub counts nothing for (docs.docker.com, Docker Hub usage and limits)."""

_PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "armv6l": "arm/v6", "i686": "386"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>" + _DIGEST.pattern + "))?")


class Failure(Exception):
    """A registry that does not answer as one; the text says why, C(stage) where: C(dns), C(tcp), C(proxy), C(tls), C(http), C(token).

    C(is_silent) is whether nothing came at all, so that an engine would wait for it, too.
    """

    def __init__(self, stage: str, text: str, *, is_silent: bool = False) -> None:
        super().__init__(_mirror_url.mask(text))
        self.stage = stage
        self.is_silent = is_silent


class ImageError(ValueError):
    """A name that is none of an image of Docker Hub."""


class Image(NamedTuple):
    """An image of Docker Hub: C(text) as it was given, C(reference) a tag or a digest."""

    text: str
    name: str
    reference: str


class Route(NamedTuple):
    """What decides how the engine reaches a registry.

    C(folder) is where it looks for certificates, C(certificates) are those that it is yet to get, C(proxies) its C(http) and C(https) proxy and its C(no) list.
    """

    folder: str
    certificates: Optional[str] = None
    insecure: bool = False
    proxies: Mapping[str, str] = MappingProxyType({})


class Answer(NamedTuple):
    """An answer of a registry. C(url) is where it came from, after redirects."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def header(self, name: str) -> str:
        """Return the first header of this name as one line: an answer may fold it, and may make it as long as it wants."""
        return " ".join(part.strip() for part in (self.headers.get(name) or "")[:HEADER_LIMIT].splitlines())

    @property
    def is_page(self) -> bool:
        return self.header("Content-Type").partition(";")[0].strip().lower() == "text/html"


# -- names -----------------------------------------------------------------------------------------------------------


def image(text: str) -> Image:
    """The image of Docker Hub that a name means, as C(docker pull) reads it.

    :raises ImageError: for what is no name, and for an image of another registry, for which engines ask no mirror.
    """
    name = text.strip()
    first, slash, rest = name.partition("/")
    if slash and (re.search(r"[.:]", first) or first == "localhost"):
        if first not in ("docker.io", "index.docker.io"):
            raise ImageError(f"{text}: an image of {first}; engines ask mirrors for images of Docker Hub alone.")
        name = rest
    match = _REFERENCE.fullmatch(name)
    if not match:
        raise ImageError(f"{text}: not the name of an image, such as alpine, alpine:3.20 or grafana/grafana.")
    path = match["name"] if "/" in match["name"] else f"library/{match['name']}"
    return Image(text, path, match["digest"] or match["tag"] or "latest")


def platform_of_host() -> str:
    """The platform of this host, as registries call it."""
    machine = os.uname().machine
    return f"linux/{_PLATFORMS.get(machine, machine)}"


# -- proxies ---------------------------------------------------------------------------------------------------------


def proxy_for(url: str, proxies: Mapping[str, str]) -> Optional[str]:
    """The proxy that an engine uses for a URL, or None (Go golang.org/x/net/http/httpproxy).

    :param proxies: the values of C(http), C(https) and C(no), where there are any.
    """
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme)
    host, port = parts.hostname or "", parts.port or _port(parts.scheme)
    if not proxy or host == "localhost" or any(_is_exempt(host, port, entry.strip().lower()) for entry in proxies.get("no", "").split(",")):
        return None
    try:
        if ipaddress.ip_address(host).is_loopback:
            return None
    except ValueError:
        pass  # A name.
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, port: int, entry: str) -> bool:
    """Whether one entry of a C(no_proxy) list means this host: a name with all below it, an address, a network, or C(*)."""
    if entry == "*":
        return True
    if not entry:
        return False
    of_port = re.fullmatch(r"(\[.*\]|[^:]*):([0-9]+)", entry)
    if of_port:
        if int(of_port[2]) != port:
            return False
        entry = of_port[1].strip("[]")
    try:
        if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
            return True
    except ValueError:
        pass  # A name, here or there.
    entry = entry[1:] if entry.startswith("*.") else entry
    return host == entry or host.endswith(entry if entry.startswith(".") else f".{entry}")


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


# -- asking ----------------------------------------------------------------------------------------------------------


class Registry:
    """One registry, asked step by step. What is known so far can be read at any time, by another thread too."""

    def __init__(self, url: str, route: Route, deadline: float) -> None:
        """:param url: as the engine shows it, with its final slash.
        :param deadline: of time.monotonic, for all that is asked.
        """
        self._url = url
        self._route = route
        self._deadline = deadline
        self._tokens: Dict[str, str] = {}
        self._challenge = ""
        self.stage = "dns"
        self.addresses: List[str] = []
        self.proxy: Optional[str] = None
        self.tls: Optional[Dict[str, Any]] = None
        self.status: Optional[int] = None
        self.authentication: Optional[str] = None
        self.redirected_to: Optional[str] = None
        self.latency: Optional[float] = None
        """Seconds until the first answer."""

    # -- the registry itself -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """See whether it answers as a registry from which anyone may pull.

        :raises Failure: when it does not.
        """
        began = time.monotonic()
        answer = self._ask("GET", f"{self._url}v2/")
        self.latency = time.monotonic() - began
        self.status = answer.status
        if answer.url != f"{self._url}v2/":
            self.redirected_to = self._at(answer)
        if answer.is_page:
            raise Failure("http", f"{self._at(answer)} answers with a web page (HTTP {answer.status}): no registry, or a login page before it")
        if answer.status == 401:
            self._challenge = answer.header("WWW-Authenticate")
            scheme = self._challenge.partition(" ")[0].lower() or "none"
            self.authentication = scheme if scheme in (*_SCHEMES, "none") else "other"
            if self.authentication != "bearer":
                raise Failure("token", f"{self._at(answer)} asks for a user and password, and engines have none for a mirror: let it allow anonymous pulls")
            self._token("library/alpine")
        elif answer.status == 404:
            raise Failure("http", f"{self._at(answer)} does not exist (HTTP 404): no registry answers there")
        elif answer.status != 200:
            raise Failure("http", f"{self._at(answer)} answers with HTTP {answer.status}{_said(answer)}")

    @staticmethod
    def _at(answer: Answer) -> str:
        return _mirror_url.place(answer.url)

    def _token(self, name: str) -> str:
        """A token to pull an image, without a user, from where the registry sends us for it."""
        if name in self._tokens:
            return self._tokens[name]
        fields = dict(_PARAMETER.findall(self._challenge))
        realm = fields.get("realm", "")
        if not realm.startswith(("https://", "http://")):
            raise Failure("token", "it asks for a token and does not say where to get one")
        query = {"service": fields["service"]} if "service" in fields else {}
        answer = self._ask("GET", f"{realm}{'&' if '?' in realm else '?'}{urlencode({**query, 'scope': f'repository:{name}:pull'})}", stage="token")
        if answer.status != 200:
            raise Failure("token", f"{_mirror_url.place(realm)} gives no token to a pull without user (HTTP {answer.status})")
        held = _engine.json_object(answer.body)
        token = held.get("token") or held.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Failure("token", f"{_mirror_url.place(realm)} gives no token to a pull without user")
        self._tokens[name] = token
        return token

    # -- images --------------------------------------------------------------------------------------------------------

    def digest(self, wanted: Image) -> Tuple[Optional[str], Optional[str]]:
        """The digest that the registry has for an image, or why it has none. HEAD is what Docker Hub does not count."""
        answer = self._manifest("HEAD", wanted.name, wanted.reference)
        if answer.status == 404:
            return None, "it does not have this image"
        if answer.status != 200:
            return None, f"HTTP {answer.status}{' (its rate limit is reached)' if answer.status == 429 else ''}"
        digest = answer.header("Docker-Content-Digest")
        return (digest, None) if _DIGEST.fullmatch(digest) else (None, "it names no digest")

    def size(self, wanted: Image, digest: str, platform: str) -> Tuple[Optional[int], Optional[str]]:
        """The bytes that a pull of the image for a platform takes, or why that is not known."""
        held = self._held(wanted.name, digest)
        listed = held.get("manifests")
        if isinstance(listed, list):
            found = next((entry for entry in listed if isinstance(entry, dict) and _platform(entry.get("platform")) == platform), {})
            if not _DIGEST.fullmatch(str(found.get("digest"))):
                return None, f"the image is not there for {platform}"
            held = self._held(wanted.name, found["digest"])
        layers = held.get("layers")
        sizes: List[Any] = [part.get("size") for part in [held.get("config"), *(layers if isinstance(layers, list) else [])] if isinstance(part, dict)]
        if not sizes or not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in sizes):
            return None, "its manifest is not there, or none that engines read"
        return sum(sizes), None

    def _held(self, name: str, reference: str) -> Dict[str, Any]:
        answer = self._manifest("GET", name, reference)
        return _engine.json_object(answer.body) if answer.status == 200 else {}

    def rate_limit(self) -> Optional[Dict[str, Any]]:
        """What Docker Hub says is left of this host's limit; None where it says nothing. Asking does not count."""
        answer = self._manifest("HEAD", *_RATE)
        limit, left = (re.match(r"(\d{1,9})(?:;w=(\d{1,9}))?", answer.header(f"ratelimit-{what}")) for what in ("limit", "remaining"))
        if not limit or not left:
            return None
        return {
            "limit": int(limit[1]),
            "remaining": int(left[1]),
            "window_seconds": int(limit[2]) if limit[2] else None,
            "source": _mirror_url.mask(answer.header("docker-ratelimit-source"), 100) or None,
        }

    def _manifest(self, method: str, name: str, reference: str) -> Answer:
        headers = {"Accept": _ACCEPT}
        if self.authentication:
            headers["Authorization"] = f"Bearer {self._token(name)}"
        return self._ask(method, f"{self._url}v2/{name}/manifests/{quote(reference, safe=':')}", headers)

    # -- HTTP ----------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, url: str, headers: Mapping[str, str] = MappingProxyType({}), *, stage: str = "http") -> Answer:
        """The answer after redirects, of which another host gets no token."""
        for _redirect in range(REDIRECTS + 1):
            parts = _split(url, stage)
            connection = self._connect(parts, watch=stage == "http")
            self.stage = stage
            try:
                target = url if self._is_relayed(parts) else f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
                connection.request(method, target, headers={"User-Agent": "pullthrough.docker", "Host": parts.netloc, **headers})
                response = connection.getresponse()
                answer = Answer(url, response.status, response.headers, self._body(response))
            except (OSError, http.client.HTTPException, ValueError) as exc:
                raise Failure(stage, f"{_mirror_url.place(url)} gives no answer in HTTP: {_why(exc)}", is_silent=_is_silent(exc)) from exc
            finally:
                connection.close()
            location = answer.header("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            try:
                url = urljoin(url, location)
            except ValueError:
                url = location
            if not url.startswith(("https://", "http://")):
                raise Failure(stage, f"{self._at(answer)} leads to {_mirror_url.place(url)}, which is no place of a registry")
            if _split(url, stage).netloc != parts.netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise Failure(stage, f"{_mirror_url.place(url)} leads from one place to another, more than {REDIRECTS} times")

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        parts: List[bytes] = []
        size = 0
        while size <= BODY_LIMIT:
            part = response.read1(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            self._left()
        raise ValueError(f"more than {BODY_LIMIT} bytes")

    def _left(self) -> float:
        """Seconds that are left. Without any, an answer that trickles in ends here."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    # -- connections ---------------------------------------------------------------------------------------------------

    def _is_relayed(self, parts: SplitResult) -> bool:
        """Whether a proxy is to fetch this itself: what is not encrypted."""
        return parts.scheme == "http" and proxy_for(parts.geturl(), self._route.proxies) is not None

    def _connect(self, parts: SplitResult, *, watch: bool) -> http.client.HTTPConnection:
        """A connection to where a URL leads.

        :param watch: whether what is seen on the way is the registry's own, and not that of a token server.
        """
        proxy = proxy_for(parts.geturl(), self._route.proxies)
        hop = _split(proxy, "proxy") if proxy else parts
        host, port = hop.hostname or "", hop.port or _port(hop.scheme)
        own_host, own_port = parts.hostname or "", parts.port or _port(parts.scheme)
        via = f"the proxy {_mirror_url.mask(proxy)}" if proxy else _mirror_url.mask(host, 253)
        self.stage = "dns"
        addresses = self._resolve(host, port, via)
        if watch:
            self.addresses = list(dict.fromkeys(address[4][0] for address in addresses))
            self.proxy = _mirror_url.mask(proxy) if proxy else None
        self.stage = "tcp"
        sock = self._dial(addresses, f"{via}, port {port}" if not proxy else via)
        try:
            if proxy and parts.scheme == "https":
                self.stage = "proxy"
                self._tunnel(sock, hop, f"{own_host}:{own_port}", via)
            if parts.scheme == "https":
                self.stage = "tls"
                sock = self._encrypt(sock, own_host, watch=watch)
        except BaseException:
            sock.close()
            raise
        connection = http.client.HTTPConnection(own_host, own_port)
        connection.sock = sock
        return connection

    def _resolve(self, host: str, port: int, via: str) -> List[Any]:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise Failure("dns", f"the name of {via} is not known here: {getattr(exc, 'strerror', None) or exc}. Look at DNS and /etc/hosts") from exc

    def _dial(self, addresses: Sequence[Any], where: str) -> socket.socket:
        """A connection to the first address that takes one."""
        problem: Optional[OSError] = None
        for family, kind, protocol, _name, address in addresses:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self._left())
                sock.connect(address)
                return sock
            except OSError as exc:
                problem = exc
                sock.close()
        why = "no answer in time: a firewall, or nobody there" if _is_silent(problem) else getattr(problem, "strerror", None)
        raise Failure("tcp", f"no connection to {where}: {why}", is_silent=_is_silent(problem)) from problem

    def _tunnel(self, sock: socket.socket, proxy: SplitResult, target: str, via: str) -> None:
        """Let the proxy connect to the registry."""
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if proxy.username is not None:
            # The engine's own, from its environment; no proxy of anyone else's gets them.
            user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}")
        try:
            sock.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = b""
            while b"\r\n\r\n" not in answer and len(answer) < 65536:
                sock.settimeout(self._left())
                part = sock.recv(1)  # Byte by byte: what comes after is TLS.
                if not part:
                    break
                answer += part
        except OSError as exc:
            raise Failure("proxy", f"{via} gives no answer: {_why(exc)}", is_silent=_is_silent(exc)) from exc
        status = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
        if not status or status[1] != b"200":
            said = "HTTP " + status[1].decode() if status else "an answer that is none"
            raise Failure("proxy", f"{via} lets nobody through to {target}: {said}")

    def _encrypt(self, sock: socket.socket, host: str, *, watch: bool) -> ssl.SSLSocket:
        context, used = self._context()
        try:
            sock.settimeout(self._left())
            encrypted = context.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as exc:
            looked = ", ".join(used) or f"no file in {self._route.folder}"
            raise Failure("tls", f"its certificate is not to be trusted: {exc.verify_message} (the system's CAs and {looked})") from exc
        except (OSError, ValueError) as exc:
            raise Failure("tls", f"no TLS: {_why(exc)}", is_silent=_is_silent(exc)) from exc
        if watch:
            certificate = encrypted.getpeercert() or {}
            ends = certificate.get("notAfter")
            left = None if ends is None else ssl.cert_time_to_seconds(str(ends)) - time.time()
            self.tls = {
                "version": encrypted.version(),
                "verified": not self._route.insecure,
                "not_after": ends,
                "days_left": None if left is None else int(left / 86400),
                "certificates": used,
            }
        return encrypted

    def _context(self) -> Tuple[ssl.SSLContext, List[str]]:
        """The trust of the engine, and the files besides the system's that it comes from."""
        context = ssl.create_default_context()
        if self._route.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context, []
        used: List[str] = []
        for path in sorted(os.path.join(self._route.folder, name) for name in _names(self._route.folder)):
            stem, extension = os.path.splitext(path)
            try:
                if extension == ".crt":
                    context.load_verify_locations(path)
                elif extension == ".cert":
                    context.load_cert_chain(path, f"{stem}.key")
                else:
                    continue
            except (OSError, ssl.SSLError) as exc:
                raise Failure("tls", f"{path} cannot be used: {exc.strerror or exc}") from exc
            used.append(path)
        if self._route.certificates:
            context.load_verify_locations(cadata=self._route.certificates)
            used.append("ca_certificates")
        return context, used


def _split(url: str, stage: str) -> SplitResult:
    """The parts of a URL, whose port can be read."""
    if re.search(r"[\x00-\x20\x7f]", url):
        raise Failure(stage, f"{_mirror_url.place(url)} is no URL: it holds white space or a control character")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018
    except ValueError as exc:
        raise Failure(stage, f"{_mirror_url.place(url)} is no URL: {_mirror_url.mask(str(exc), 200)}") from exc
    return parts


def _is_silent(exc: Optional[BaseException]) -> bool:
    """Whether nothing came in time. Before Python 3.10 a socket's time-out is a class of its own."""
    return isinstance(exc, (TimeoutError, socket.timeout))


def _why(exc: BaseException) -> str:
    """What an exception says, for people."""
    return "none in time" if _is_silent(exc) else _mirror_url.mask(str(exc).strip(), 200) or type(exc).__name__


def _names(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:  # No such folder, or none that may be listed: what is in it counts for nothing here.
        return []


def _platform(held: Any) -> Optional[str]:
    """C(os/architecture) and, where there is one, C(/variant) of an index's entry; arm64's only variant is not written."""
    if not isinstance(held, dict):
        return None
    variant = held.get("variant") if held.get("architecture") != "arm64" else None
    return "/".join(str(part) for part in (held.get("os"), held.get("architecture"), variant) if part)


def _said(answer: Answer) -> str:
    """What a registry says of an error, as the end of a sentence."""
    errors = _engine.json_object(answer.body).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    return f": {_mirror_url.mask(str(message), 200)}" if message else ""


# -- all of them -----------------------------------------------------------------------------------------------------


def route(mirror: str, engine: _engine.Engine, certificates: Mapping[str, str]) -> Route:
    """The way on which this engine reaches a mirror, or Docker Hub; without one that runs, the way of a new one.

    :param certificates: those that the engine is to get, by C(host) or C(host:port).
    """
    info, host = engine.info, _certs.host_of(mirror)
    shared = _certs.is_shared(info.image_store if info else None, engine.version)
    folder = _certs.HUB if mirror == HUB or shared else host
    return Route(
        folder=os.path.join(_engine.certs_folder(), folder),
        certificates=certificates.get(host),
        insecure=_use.is_unverified(mirror, info.settings.get("insecure-registries", ()) if info else ()),
        proxies=_engine.proxies(engine),
    )


class Probe(threading.Thread):
    """Asks one registry in the background, within a time limit that holds even where the system's resolver hangs."""

    def __init__(self, url: str, way: Route, images: Sequence[Image], platform: str, deadline: float) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._is_hub = url == HUB
        self._images, self._platform = images, platform
        self._deadline = deadline
        self._registry = Registry(url, way, deadline)
        self._failure: Optional[Failure] = None
        self._answers = False
        self._seen: List[Dict[str, Any]] = []
        self._rate_limit: Optional[Dict[str, Any]] = None

    def run(self) -> None:
        try:
            self._registry.check()
            self._answers = True
            if self._is_hub:
                self._rate_limit = self._registry.rate_limit()
            for wanted in self._images:
                self._seen.append(self._look(wanted))
        except Failure as exc:
            self._failure = exc

    @property
    def seconds_left(self) -> float:
        return max(self._deadline - time.monotonic(), 0)

    def _look(self, wanted: Image) -> Dict[str, Any]:
        digest, reason = self._registry.digest(wanted)
        size = None
        if digest and not self._is_hub:  # Docker Hub counts what more it would take.
            size, reason = self._registry.size(wanted, digest, self._platform)
        return {"image": wanted.text, "cached": digest is not None, "digest": digest, "size": size, "reason": reason}

    def result(self) -> Dict[str, Any]:
        """What is known when the time is over."""
        self.join(max(self._deadline + GRACE - time.monotonic(), 0))
        stage, failure = self._registry.stage, self._failure
        if failure is None and self.is_alive():
            failure = Failure(stage, f"no answer in time, at this point: {stage}", is_silent=True)
        elif failure is None and not self._answers:
            failure = Failure(stage, f"the check ended without a result, at this point: {stage}")
        return self.report(failure)

    def report(self, failure: Optional[Failure]) -> Dict[str, Any]:
        """Return what is known so far, with the reason of a failure."""
        registry = self._registry
        rest = [
            {"image": wanted.text, "cached": None, "digest": None, "size": None, "reason": str(failure)} for wanted in self._images[len(self._seen) :]
        ]
        return {
            "url": _mirror_url.mask(self._url),
            "usable": self._answers,
            "reason": str(failure) if failure else None,
            "failed_at": failure.stage if failure else None,
            "silent": failure is not None and failure.is_silent,
            "proxy": registry.proxy,
            "addresses": registry.addresses,
            "tls": registry.tls,
            "status": registry.status,
            "authentication": registry.authentication,
            "redirected_to": registry.redirected_to,
            "latency_ms": None if registry.latency is None else round(registry.latency * 1000, 1),
            "images": [*self._seen, *rest],
            **({"rate_limit": self._rate_limit} if self._is_hub else {}),
        }


def _in_own_process(probe: Probe) -> Callable[[], Dict[str, Any]]:
    """Start a probe in a process of its own, and return a function that waits for its result.

    The kernel ends that process when the time is over. A thread cannot do this: whoever reads a hostile answer holds the
    interpreter's lock, and every other thread waits for it.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, probe.seconds_left + 1.5 * GRACE)
            probe.start()
            result = json.dumps(probe.result()).encode()
            signal.setitimer(signal.ITIMER_REAL, 0)
            with os.fdopen(sender, "wb") as file:
                file.write(result)
        finally:
            os._exit(0)
    os.close(sender)

    def wait() -> Dict[str, Any]:
        with os.fdopen(receiver, "rb") as file:
            result = file.read()
        os.waitpid(child, 0)
        if not result:
            return probe.report(Failure("http", "its answers could not be read within the time limit"))
        held: Dict[str, Any] = json.loads(result)
        return held

    return wait


def examine(
    mirrors: Sequence[str],
    engine: _engine.Engine,
    *,
    certificates: Mapping[str, str],
    images: Sequence[Image],
    platform: str,
    hub: bool,
    timeout: float,
) -> Tuple[List[Dict[str, Any]], Optional[Dict[str, Any]]]:
    """Ask all mirrors, and Docker Hub if wanted, at once: what each said.

    :param mirrors: as the engine shows them.
    :param timeout: seconds for all of them together.
    """
    deadline = time.monotonic() + timeout
    probes = [Probe(url, route(url, engine, certificates), images, platform, deadline) for url in [*mirrors, *([HUB] if hub else [])]]
    results = [wait() for wait in [_in_own_process(probe) for probe in probes]]
    found, asked = (results[:-1], results[-1]) if hub else (results, None)
    for result in found:
        for index, seen in enumerate(result["images"]):
            there = asked["images"][index]["digest"] if asked else None
            seen["same_as_hub"] = None if not there or not seen["digest"] else seen["digest"] == there
    return found, asked


def complaints(results: Sequence[Mapping[str, Any]], image_store: Optional[str]) -> List[str]:
    """A sentence for each mirror that cannot be used, with what it costs."""
    said = []
    for result in results:
        if not result["usable"]:
            cost = f" {_use.cost_of_silence(image_store)}" if result["silent"] else ""
            said.append(f"The mirror {result['url']} cannot be used: {result['reason']}.{cost}")
    return said
