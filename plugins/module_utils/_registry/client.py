# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A registry client: the check of a registry, its tokens and its images, within limits of size and time.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

An answer of a registry is evidence only about that registry, and no secret is sent to it.
"""

from __future__ import annotations

import http.client
import re
import time

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import quote, urlencode, urljoin

from ansible_collections.pullthrough.docker.plugins.module_utils._host import http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import connection, images
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.connection import Failure
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

HUB = "https://registry-1.docker.io/"

BODY_LIMIT = 4 * 1024 * 1024
"""The largest answer in bytes. Registries allow a manifest of this size (distribution
registry/handlers/manifests.go)."""

REDIRECTS = 9
"""The most redirects that are followed, as in Go's client, which sends ten requests in all (net/http
defaultCheckRedirect)."""

HEADER_LIMIT = 8192
"""The most characters of a header that are read."""

_SCHEMES = ("basic", "bearer", "digest", "negotiate", "ntlm")
"""The schemes of a challenge that are reported by name. All others are reported as ``other``."""

_PARAMETER = re.compile(r'(?<!\w)(\w+)="([^"]*)"')
"""A parameter of a challenge. A match starts only where a word starts, so that the time of a search does not grow
with the square of the length."""

_INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_ACCEPT = ", ".join(_INDEXES + _MANIFESTS)

_RATE_LIMIT_IMAGE = ("ratelimitpreview/test", "latest")
"""An image whose manifest Docker Hub does not count (docs.docker.com, Docker Hub usage and limits)."""

_BAD_MANIFEST = "its manifest is missing or not valid"


class Answer(NamedTuple):
    """An answer of a registry. ``url`` is the one that answered, after redirects."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def shown_url(self) -> str:
        """The URL without its query, fragment and user, which may be secret."""
        return masking.mask_url(self.url)

    @property
    def is_web_page(self) -> bool:
        return self.header("Content-Type").partition(";")[0].strip().lower() == "text/html"

    def header(self, name: str) -> str:
        """Return the first header with this name as one line. An answer may fold its headers, at any length."""
        return " ".join(part.strip() for part in (self.headers.get(name) or "")[:HEADER_LIMIT].splitlines())

    def error(self) -> str:
        """Return the error message in the body as the end of a sentence, or an empty string."""
        errors = http_body.json_object(self.body).get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        message = first.get("message") if isinstance(first, dict) else None
        return f": {masking.mask(str(message), 200)}" if message else ""


class Registry:
    """One registry, checked step by step. Another thread can read at any time what is known so far."""

    def __init__(self, url: str, route: connection.Route, deadline: float) -> None:
        """:param url: as the engine shows it, with its final slash.
        :param deadline: of ``time.monotonic``, for all requests together.
        """
        self._url = url
        self._deadline = deadline
        self._tokens: Dict[str, str] = {}
        self._challenge = ""
        self.connector = connection.Connector(route, deadline)
        self.status: Optional[int] = None
        self.authentication: Optional[str] = None
        self.redirected_to: Optional[str] = None
        self.latency: Optional[float] = None
        """Seconds until the first answer."""

    # -- the registry itself -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check that it answers as a registry that allows anonymous pulls.

        :raises Failure: if it does not.
        """
        start = time.monotonic()
        answer = self._request("GET", f"{self._url}v2/")
        self.latency = time.monotonic() - start
        self.status = answer.status
        url = answer.shown_url
        if answer.url != f"{self._url}v2/":
            self.redirected_to = url
        if answer.is_web_page:
            text = f"{url} answers with a web page (HTTP {answer.status}), not as a registry"
            raise Failure("http", f"{text}. Check the URL, and look for a login page")
        if answer.status == 401:
            self._authenticate(answer)
        elif answer.status == 404:
            raise Failure("http", f"{url} does not exist (HTTP 404), so there is no registry. Check the URL")
        elif answer.status != 200:
            raise Failure("http", f"{url} answers with HTTP {answer.status}{answer.error()}")

    def _authenticate(self, answer: Answer) -> None:
        """Check that an anonymous pull gets a token.

        :raises Failure: if it does not.
        """
        self._challenge = answer.header("WWW-Authenticate")
        scheme = self._challenge.partition(" ")[0].lower() or "none"
        self.authentication = scheme if scheme in (*_SCHEMES, "none") else "other"
        if self.authentication != "bearer":
            text = f"{answer.shown_url} asks for a user and password, which engines never send to a mirror"
            raise Failure("token", f"{text}. Allow anonymous pulls on the mirror")
        self._token("library/alpine")

    def _token(self, name: str) -> str:
        """Return a token to pull an image anonymously, from the token server that the registry names."""
        if name in self._tokens:
            return self._tokens[name]
        parameters = dict(_PARAMETER.findall(self._challenge))
        realm = parameters.get("realm", "")
        if not realm.startswith(("https://", "http://")):
            raise Failure("token", "it requires a token but names no token server")
        query = {"service": parameters["service"]} if "service" in parameters else {}
        query["scope"] = f"repository:{name}:pull"
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        answer = self._request("GET", url, stage="token")
        if answer.status != 200:
            text = f"{masking.mask_url(realm)} gives no token for an anonymous pull (HTTP {answer.status})"
            raise Failure("token", text)
        fields = http_body.json_object(answer.body)
        token = fields.get("token") or fields.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Failure("token", f"{masking.mask_url(realm)} gives no valid token for an anonymous pull")
        self._tokens[name] = token
        return token

    # -- images --------------------------------------------------------------------------------------------------------

    def digest(self, image: images.Image) -> Tuple[Optional[str], Optional[str]]:
        """Return the digest of an image, or the reason why there is none. Docker Hub does not count a ``HEAD``."""
        answer = self._manifest("HEAD", image.name, image.reference)
        if answer.status == 404:
            return None, "it does not have this image"
        if answer.status != 200:
            return None, f"HTTP {answer.status}{' (its rate limit is reached)' if answer.status == 429 else ''}"
        digest = answer.header("Docker-Content-Digest")
        return (digest, None) if images.DIGEST.fullmatch(digest) else (None, "its answer has no valid digest")

    def size(self, image: images.Image, digest: str, platform: str) -> Tuple[Optional[int], Optional[str]]:
        """Return the bytes of an image for a platform, or the reason why they are not known."""
        manifest = self._manifest_object(image.name, digest)
        entries = manifest.get("manifests")
        if isinstance(entries, list):
            found = [entry for entry in entries if _platform(entry) == platform]
            of_platform = str(found[0].get("digest")) if found else ""
            if not images.DIGEST.fullmatch(of_platform):
                return None, f"the image does not exist for {platform}"
            manifest = self._manifest_object(image.name, of_platform)
        layers = manifest.get("layers")
        parts = [manifest.get("config"), *(layers if isinstance(layers, list) else [])]
        sizes: List[Any] = [part.get("size") for part in parts if isinstance(part, dict)]
        if not sizes or not all(_is_size(size) for size in sizes):
            return None, _BAD_MANIFEST
        return sum(sizes), None

    def _manifest_object(self, name: str, digest: str) -> Dict[str, Any]:
        answer = self._manifest("GET", name, digest)
        return http_body.json_object(answer.body) if answer.status == 200 else {}

    def rate_limit(self) -> Optional[Dict[str, Any]]:
        """Return what Docker Hub reports of this host's limit, or None. The request itself does not count."""
        answer = self._manifest("HEAD", *_RATE_LIMIT_IMAGE)
        limit, remaining = (_rate(answer.header(f"ratelimit-{name}")) for name in ("limit", "remaining"))
        if not limit or not remaining:
            return None
        return {
            "limit": int(limit[1]),
            "remaining": int(remaining[1]),
            "window_seconds": int(limit[2]) if limit[2] else None,
            "source": masking.mask(answer.header("docker-ratelimit-source"), 100) or None,
        }

    def _manifest(self, method: str, name: str, reference: str) -> Answer:
        headers = {"Accept": _ACCEPT}
        if self.authentication:
            headers["Authorization"] = f"Bearer {self._token(name)}"
        return self._request(method, f"{self._url}v2/{name}/manifests/{quote(reference, safe=':')}", headers)

    # -- HTTP ----------------------------------------------------------------------------------------------------------

    def _request(
        self, method: str, url: str, headers: Mapping[str, str] = MappingProxyType({}), *, stage: str = "http"
    ) -> Answer:
        """Return the answer after all redirects. A token is never sent to another host."""
        for _redirect in range(REDIRECTS + 1):
            answer = self._request_once(method, url, headers, stage)
            target = _redirect_target(answer, stage)
            if target is None:
                return answer
            if connection.split_url(target, stage).netloc != connection.split_url(url, stage).netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target
        raise Failure(stage, f"{masking.mask_url(url)} redirects more than {REDIRECTS} times")

    def _request_once(self, method: str, url: str, headers: Mapping[str, str], stage: str) -> Answer:
        parts = connection.split_url(url, stage)
        opened = self.connector.open(parts, record=stage == "http")
        self.connector.stage = stage
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        if self.connector.is_relayed(parts):
            target = url
        try:
            headers = {"User-Agent": "pullthrough.docker", "Host": parts.netloc, **headers}
            opened.request(method, target, headers=headers)
            response = opened.getresponse()
            return Answer(url, response.status, response.headers, self._body(response))
        except (OSError, http.client.HTTPException, ValueError, http_body.BodyError) as exc:
            text = f"{masking.mask_url(url)} gives no valid HTTP response: {connection.describe(exc)}"
            raise Failure(stage, text, is_silent=connection.is_silent(exc)) from exc
        finally:
            opened.close()

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        return b"".join(http_body.parts(response, deadline=self._deadline, limit=BODY_LIMIT))


def _redirect_target(answer: Answer, stage: str) -> Optional[str]:
    """Return the URL that an answer redirects to, or None.

    :raises Failure: if an engine would not follow the redirect.
    """
    location = answer.header("Location")
    if answer.status not in (301, 302, 303, 307, 308) or not location:
        return None
    try:
        target = urljoin(answer.url, location)
    except ValueError:
        target = location
    if not target.startswith(("https://", "http://")):
        text = f"{answer.shown_url} redirects to {masking.mask_url(target)}, which is not an http or https URL"
        raise Failure(stage, text)
    return target


def _rate(header: str) -> Optional[re.Match[str]]:
    return re.match(r"(\d{1,9})(?:;w=(\d{1,9}))?", header)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63  # An int64 in engines.


def _platform(entry: Any) -> Optional[str]:
    """Return the platform of an index's entry as ``os/architecture``, with ``/variant`` if there is one.

    The variant of arm64 is left out, because there is only one.
    """
    platform = entry.get("platform") if isinstance(entry, dict) else None
    if not isinstance(platform, dict):
        return None
    variant = platform.get("variant") if platform.get("architecture") != "arm64" else None
    return "/".join(str(part) for part in (platform.get("os"), platform.get("architecture"), variant) if part)
