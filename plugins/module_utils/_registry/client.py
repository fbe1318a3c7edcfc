# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A registry client: the check of a registry, its tokens and its images, within limits of size and time.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

An answer of a registry is evidence only about that registry, and no secret is sent to it.
"""

from __future__ import annotations

import re

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.pullthrough.docker.plugins.module_utils._host import http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    challenges,
    connection,
    http_session,
    images,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.connection import Failure
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

HUB = "https://registry-1.docker.io/"

SIZE_LIMIT = 2**63 - 1
"""The largest size of a layer or an image. Engines read it as a signed number of 64 bits."""

_ACCEPT = ", ".join(pull_rules.INDEXES + pull_rules.MANIFESTS)

_RATE_LIMIT_IMAGE = ("ratelimitpreview/test", "latest")
"""An image whose manifest Docker Hub does not count (docs.docker.com, Docker Hub usage and limits)."""

_BAD_MANIFEST = "its manifest is missing or not valid"


class Registry:
    """One registry, asked as an engine of one image store asks it.

    Another thread can read at any time what is known so far.
    """

    def __init__(
        self, url: str, connector: connection.Connector, deadline: float, agent: str, image_store: str
    ) -> None:
        """:param url: of the registry's API, with its final slash. Its host gets all requests but those for tokens.
        :param deadline: of ``time.monotonic``, for all requests together.
        :param agent: the header ``User-Agent``. Some registries answer only to engines.
        """
        self._url = url
        self._session = http_session.Session(connector, deadline, agent)
        self._image_store = image_store
        self._tokens: Dict[str, str] = {}
        self._challenge: Optional[challenges.Challenge] = None
        """The challenge that asks for a token."""
        self._challenged_by = ""
        self.connector = connector
        self.status: Optional[int] = None
        self.authentication: Optional[str] = None
        self.redirected_to: Optional[str] = None

    @property
    def latency(self) -> Optional[float]:
        """Seconds until the first answer."""
        return self._session.latency

    # -- the registry itself -------------------------------------------------------------------------------------------

    def ask(self) -> http_session.Answer:
        """Return its answer to ``/v2/``, whatever it is.

        :raises Failure: if there is none.
        """
        return self._session.request("GET", self._url)

    def ping(self) -> Optional[Failure]:
        """Ask ``/v2/``, and return why its answer is not the one of a registry that allows anonymous pulls, or None.

        :raises Failure: if there is no answer, which is the only thing that matters to the classic stores.
        """
        answer = self.ask()
        self.status = answer.status
        if answer.url != self._url:
            self.redirected_to = answer.shown_url
        if answer.status == 401:
            found = challenges.parse(answer.all("WWW-Authenticate"))
            self.authentication = challenges.name(found)
            if self._image_store == pull_rules.CLASSIC:
                self._learn(answer, found)
        return self._fault_of_ping(answer)

    def _fault_of_ping(self, answer: http_session.Answer) -> Optional[Failure]:
        url = answer.shown_url
        if answer.status == 401:
            if self.authentication == "bearer":
                return None
            asks = "asks for a user and password" if self.authentication == "basic" else "asks for authentication"
            text = f"{url} {asks}, which engines never send to a mirror. Allow anonymous pulls on the mirror"
            return Failure("token", text)
        if answer.is_web_page:
            text = f"{url} answers with a web page (HTTP {answer.status}), not as a registry"
            return Failure("http", f"{text}. Check the URL, and look for a login page")
        if answer.status == 404:
            return Failure("http", f"{url} does not exist (HTTP 404), so there is no registry. Check the URL")
        if answer.status != 200:
            return Failure("http", f"{url} answers with HTTP {answer.status}{answer.error()}")
        return None

    def _learn(self, answer: http_session.Answer, found: Sequence[challenges.Challenge]) -> None:
        """Keep the challenge that asks for a token.

        :raises Failure: if the engine would not answer these challenges.
        """
        challenge = challenges.bearer(found)
        if challenges.is_basic(found) and (challenge is None or self._image_store == pull_rules.CLASSIC):
            text = f"{answer.shown_url} asks for a user and password, which engines never send to a mirror"
            raise Failure("token", f"{text}. Allow anonymous pulls on the mirror")
        if challenge is None:
            return
        realm = challenge.parameters.get("realm", "")
        if not realm.startswith(("https://", "http://")):
            named = f" that can be asked: {masking.mask_url(realm)}" if realm else ""
            raise Failure("token", f"it requires a token but names no token server{named}")
        http_session.refuse_downgrade(answer, realm, "token", "names the token server")
        self._challenge = challenge

    def _authorization(self, name: str) -> Dict[str, str]:
        """Return the header with a token to pull an image anonymously, or nothing if the registry asked for none."""
        if self._challenge is None:
            return {}
        if name not in self._tokens:
            self._tokens[name] = self._new_token(self._challenge.parameters, name)
        return {"Authorization": f"Bearer {self._tokens[name]}"}

    def _new_token(self, parameters: Mapping[str, str], name: str) -> str:
        """Return a token from the token server that the registry names."""
        realm, service = parameters["realm"], parameters.get("service")
        query = {} if service is None else {"service": service}
        query["scope"] = f"repository:{name}:pull"
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        try:
            answer = self._session.request("GET", url, stage="token", limit=http_session.BODY_LIMIT)
        except Failure as exc:
            if exc.stage == "token":
                raise
            text = f"{exc} (its token server, {masking.mask_url(realm)})"
            raise Failure(exc.stage, text, is_silent=exc.is_silent, is_open=exc.is_open) from exc
        if not 200 <= answer.status < 300:
            text = f"{masking.mask_url(realm)} gives no token for an anonymous pull (HTTP {answer.status})"
            raise Failure("token", text)
        fields = http_body.json_object(answer.body)
        token = fields.get("token") or fields.get("access_token")
        if not answer.is_whole or not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Failure("token", f"{masking.mask_url(realm)} gives no valid token for an anonymous pull")
        return token

    # -- images --------------------------------------------------------------------------------------------------------

    def judge(self, image: images.Image) -> pull_rules.Judgement:
        """Return what the engine makes of the answers for an image."""

        def fetch(method: str, reference: str) -> pull_rules.Reply:
            return self._reply(method, image.name, reference)

        return pull_rules.judge(self._image_store, fetch, image.reference)

    def digest(self, image: images.Image) -> Tuple[Optional[str], Optional[str]]:
        """Return the digest of an image, or the reason why there is none. Docker Hub does not count a ``HEAD``."""
        reply = self._reply("HEAD", image.name, image.reference)
        if reply.status == 404:
            return None, "it does not have this image"
        if not reply.is_success:
            return None, f"HTTP {reply.status}{' (its rate limit is reached)' if reply.status == 429 else ''}"
        is_valid = pull_rules.DIGEST.fullmatch(reply.digest)
        return (reply.digest, None) if is_valid else (None, "its answer has no valid digest")

    def content(
        self, image: images.Image, found: pull_rules.Judgement, platform: str
    ) -> Tuple[pull_rules.Judgement, Optional[int]]:
        """Return what the engine makes of the parts of an image for a platform, and their bytes, if they are known."""
        if len(found.manifest) > pull_rules.MANIFEST_LIMIT:
            text = f"its manifest is larger than {pull_rules.MANIFEST_LIMIT} bytes, so its size is not known"
            return found._replace(reason=text), None
        manifest = http_body.json_object(found.manifest)
        entries = manifest.get("manifests")
        if isinstance(entries, list):
            of_platform = next((str(entry.get("digest")) for entry in entries if _platform(entry) == platform), "")
            if not pull_rules.DIGEST.fullmatch(of_platform):
                return found._replace(reason=f"the image does not exist for {platform}"), None
            reply = self._reply("GET", image.name, of_platform)
            inner = pull_rules.judge_platform(self._image_store, reply, of_platform)
            if inner.verdict != pull_rules.USED:
                return inner._replace(digest=found.digest), None
            manifest = http_body.json_object(inner.manifest)
        config = manifest.get("config")
        digest = str(config.get("digest")) if isinstance(config, dict) else ""
        if pull_rules.DIGEST.fullmatch(digest):
            status = self._blob_status(image.name, digest)
            if status >= 400:
                text = f"the configuration of the image: HTTP {status}"
                return pull_rules.Judgement(pull_rules.NOT_USED, text, found.digest), None
        size = _size(manifest)
        return found._replace(reason=None if size is not None else _BAD_MANIFEST), size

    def rate_limit(self) -> Optional[Dict[str, Any]]:
        """Return what Docker Hub reports of this host's limit, or None. The request itself does not count."""
        answer = self.manifest("HEAD", *_RATE_LIMIT_IMAGE)
        limit, remaining = (_rate(answer.header(f"ratelimit-{name}")) for name in ("limit", "remaining"))
        if not limit or not remaining:
            return None
        return {
            "limit": int(limit[1]),
            "remaining": int(remaining[1]),
            "window_seconds": int(limit[2]) if limit[2] else None,
            "source": masking.mask(answer.header("docker-ratelimit-source"), 100) or None,
        }

    def _reply(self, method: str, name: str, reference: str) -> pull_rules.Reply:
        answer = self.manifest(method, name, reference)
        length = answer.header("Content-Length")
        return pull_rules.Reply(
            status=answer.status,
            media_type=answer.header("Content-Type")[:200],
            digest=answer.header("Docker-Content-Digest"),
            length=int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
            body=answer.body,
            body_digest=pull_rules.digest_of(answer.body),
            body_size=len(answer.body),
            is_whole=answer.is_whole,
            error=answer.error() if method == "GET" else "",
        )

    def manifest(self, method: str, name: str, reference: str) -> http_session.Answer:
        """Return the answer to the request for a manifest."""
        path = f"{name}/manifests/{quote(reference, safe=':')}"
        return self._pull(method, name, path, {"Accept": _ACCEPT}, limit=pull_rules.MANIFEST_LIMIT)

    def blob(self, name: str, digest: str, size: int) -> http_session.Answer:
        """Return the answer to the request for a layer or a configuration."""
        return self._pull("GET", name, f"{name}/blobs/{digest}", {}, limit=size)

    def _blob_status(self, name: str, digest: str) -> int:
        return self._pull("HEAD", name, f"{name}/blobs/{digest}", {}, limit=None).status

    def _pull(
        self, method: str, name: str, path: str, headers: Dict[str, str], *, limit: Optional[int]
    ) -> http_session.Answer:
        """Return the answer for a part of an image. The containerd store answers a challenge where it meets one."""
        is_containerd = self._image_store == pull_rules.CONTAINERD
        url = f"{self._url}{path}{'?ns=docker.io' if is_containerd else ''}"
        authorization = self._authorization(name)
        answer = self._session.request(method, url, {**headers, **authorization}, limit=limit)
        if answer.status == 401 and is_containerd and not authorization:
            found = challenges.parse(answer.all("WWW-Authenticate"))
            self.authentication = challenges.name(found)
            self._learn(answer, found)
            authorization = self._authorization(name)
            if authorization:
                answer = self._session.request(method, url, {**headers, **authorization}, limit=limit)
        return answer


def _rate(header: str) -> Optional[re.Match[str]]:
    return re.match(r"([0-9]{1,9})(?:;w=([0-9]{1,9}))?(?![0-9])", header)


def _size(manifest: Mapping[str, Any]) -> Optional[int]:
    """Return the bytes of an image with this manifest, or None if it is not valid."""
    layers = manifest.get("layers")
    parts = [manifest.get("config"), *(layers if isinstance(layers, list) else [])]
    sizes: List[Any] = [part.get("size") for part in parts if isinstance(part, dict)]
    if not sizes or not all(_is_size(size) for size in sizes) or not _is_size(sum(sizes)):
        return None
    return int(sum(sizes))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SIZE_LIMIT


def _platform(entry: Any) -> Optional[str]:
    """Return the platform of an index's entry as ``os/architecture``, with ``/variant`` if there is one.

    The variant of arm64 is left out, because there is only one.
    """
    platform = entry.get("platform") if isinstance(entry, dict) else None
    if not isinstance(platform, dict):
        return None
    variant = platform.get("variant") if platform.get("architecture") != "arm64" else None
    return "/".join(str(part) for part in (platform.get("os"), platform.get("architecture"), variant) if part)
