# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A registry client: name, connection, TLS, registry, token, images, each within limits of size and time.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

What a registry answers is believed only about itself, and no secret is sent to it.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import ssl
import time

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images, proxies
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

HUB = "https://registry-1.docker.io/"

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one answer at the most, which is what registries allow a manifest (distribution registry/handlers/manifests.go)."""

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


class Failure(Exception):
    """A registry that does not answer as one; the text says why, C(stage) where: C(dns), C(tcp), C(proxy), C(tls), C(http), C(token).

    C(is_silent) is whether nothing came at all, so that an engine would wait for it, too.
    """

    def __init__(self, stage: str, text: str, *, is_silent: bool = False) -> None:
        super().__init__(masking.mask(text))
        self.stage = stage
        self.is_silent = is_silent


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
        return masking.mask_url(answer.url)

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
            raise Failure("token", f"{masking.mask_url(realm)} gives no token to a pull without user (HTTP {answer.status})")
        held = engine_api.json_object(answer.body)
        token = held.get("token") or held.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Failure("token", f"{masking.mask_url(realm)} gives no token to a pull without user")
        self._tokens[name] = token
        return token

    # -- images --------------------------------------------------------------------------------------------------------

    def digest(self, wanted: images.Image) -> Tuple[Optional[str], Optional[str]]:
        """The digest that the registry has for an image, or why it has none. HEAD is what Docker Hub does not count."""
        answer = self._manifest("HEAD", wanted.name, wanted.reference)
        if answer.status == 404:
            return None, "it does not have this image"
        if answer.status != 200:
            return None, f"HTTP {answer.status}{' (its rate limit is reached)' if answer.status == 429 else ''}"
        digest = answer.header("Docker-Content-Digest")
        return (digest, None) if images.DIGEST.fullmatch(digest) else (None, "it names no digest")

    def size(self, wanted: images.Image, digest: str, platform: str) -> Tuple[Optional[int], Optional[str]]:
        """The bytes that a pull of the image for a platform takes, or why that is not known."""
        held = self._held(wanted.name, digest)
        listed = held.get("manifests")
        if isinstance(listed, list):
            found = next((entry for entry in listed if isinstance(entry, dict) and _platform(entry.get("platform")) == platform), {})
            if not images.DIGEST.fullmatch(str(found.get("digest"))):
                return None, f"the image is not there for {platform}"
            held = self._held(wanted.name, found["digest"])
        layers = held.get("layers")
        sizes: List[Any] = [part.get("size") for part in [held.get("config"), *(layers if isinstance(layers, list) else [])] if isinstance(part, dict)]
        if not sizes or not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in sizes):
            return None, "its manifest is not there, or none that engines read"
        return sum(sizes), None

    def _held(self, name: str, reference: str) -> Dict[str, Any]:
        answer = self._manifest("GET", name, reference)
        return engine_api.json_object(answer.body) if answer.status == 200 else {}

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
            "source": masking.mask(answer.header("docker-ratelimit-source"), 100) or None,
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
                raise Failure(stage, f"{masking.mask_url(url)} gives no answer in HTTP: {_why(exc)}", is_silent=_is_silent(exc)) from exc
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
                raise Failure(stage, f"{self._at(answer)} leads to {masking.mask_url(url)}, which is no place of a registry")
            if _split(url, stage).netloc != parts.netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise Failure(stage, f"{masking.mask_url(url)} leads from one place to another, more than {REDIRECTS} times")

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
        return parts.scheme == "http" and proxies.proxy_for(parts.geturl(), self._route.proxies) is not None

    def _connect(self, parts: SplitResult, *, watch: bool) -> http.client.HTTPConnection:
        """A connection to where a URL leads.

        :param watch: whether what is seen on the way is the registry's own, and not that of a token server.
        """
        proxy = proxies.proxy_for(parts.geturl(), self._route.proxies)
        hop = _split(proxy, "proxy") if proxy else parts
        host, port = hop.hostname or "", hop.port or proxies.default_port(hop.scheme)
        own_host, own_port = parts.hostname or "", parts.port or proxies.default_port(parts.scheme)
        via = f"the proxy {masking.mask(proxy)}" if proxy else masking.mask(host, 253)
        self.stage = "dns"
        addresses = self._resolve(host, port, via)
        if watch:
            self.addresses = list(dict.fromkeys(address[4][0] for address in addresses))
            self.proxy = masking.mask(proxy) if proxy else None
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
            # Comments between certificates may hold other letters, which the ssl module refuses.
            pem = self._route.certificates.encode("ascii", errors="ignore").decode()
            try:
                context.load_verify_locations(cadata=pem)
            except (OSError, ValueError) as exc:
                raise Failure("tls", f"ca_certificates cannot be used: {exc}") from exc
            used.append("ca_certificates")
        return context, used


def _split(url: str, stage: str) -> SplitResult:
    """The parts of a URL, whose port can be read."""
    if re.search(r"[\x00-\x20\x7f]", url):
        raise Failure(stage, f"{masking.mask_url(url)} is no URL: it holds white space or a control character")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018
    except ValueError as exc:
        raise Failure(stage, f"{masking.mask_url(url)} is no URL: {masking.mask(str(exc), 200)}") from exc
    return parts


def _is_silent(exc: Optional[BaseException]) -> bool:
    """Whether nothing came in time. Before Python 3.10 a socket's time-out is a class of its own."""
    return isinstance(exc, (TimeoutError, socket.timeout))


def _why(exc: BaseException) -> str:
    """What an exception says, for people."""
    return "none in time" if _is_silent(exc) else masking.mask(str(exc).strip(), 200) or type(exc).__name__


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
    errors = engine_api.json_object(answer.body).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    return f": {masking.mask(str(message), 200)}" if message else ""
