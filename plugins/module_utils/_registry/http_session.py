# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""HTTP to registries and token servers, within limits of size and time.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

No secret is sent to a registry, and a token only to the host that it is for.
"""

from __future__ import annotations

import contextlib
import http.client
import time

from types import MappingProxyType
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urljoin

from ansible_collections.pullthrough.docker.plugins.module_utils._host import http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import challenges, connection
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.connection import Failure
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

BODY_LIMIT = 64 * 1024
"""The most bytes of a token, an error, or an answer to ``/v2/``."""

REDIRECTS = 9
"""The most redirects that are followed, as in Go's client, which sends ten requests in all (net/http
defaultCheckRedirect)."""

HEADER_LIMIT = 8192
"""The most characters of a header that are read."""

PING_BODY_SECONDS = 1.0
"""How long the body of an answer to ``/v2/`` is read. Engines do not read it, and it only explains an error."""

INTERIM_LIMIT = 5
"""The most interim answers, such as ``103 Early Hints``, before an answer (Go net/http transport.go)."""


class Answer(NamedTuple):
    """An answer of a registry. ``url`` is the one that answered, after redirects."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    is_whole: bool = True
    """Whether the body came to its end within the limit."""

    @property
    def shown_url(self) -> str:
        """The URL without its query, fragment and user, which may be secret."""
        return masking.mask_url(self.url)

    @property
    def is_web_page(self) -> bool:
        return self.header("Content-Type").partition(";")[0].strip().lower() == "text/html"

    def header(self, name: str) -> str:
        """Return the first header with this name as one line. An answer may fold its headers, at any length."""
        return _one_line(self.headers.get(name) or "")

    def all(self, name: str) -> List[str]:
        """Return all headers with this name, each as one line."""
        return [_one_line(value) for value in (self.headers.get_all(name) or [])[: challenges.COUNT_LIMIT]]

    def error(self) -> str:
        """Return the error message in the body as the end of a sentence, or an empty string."""
        errors = http_body.json_object(self.body).get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        message = first.get("message") if isinstance(first, dict) else None
        return f": {masking.mask(str(message), 200)}" if message else ""


class _Response(http.client.HTTPResponse):
    """A response that passes over interim answers. The standard library does so only for 100."""

    def _read_status(self) -> Tuple[str, int, str]:
        for _interim in range(INTERIM_LIMIT):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 101 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("too many interim answers")


class Session:
    """Requests over one route, within one time limit. It follows redirects as Go does."""

    def __init__(self, connector: connection.Connector, deadline: float, agent: str) -> None:
        """:param deadline: of ``time.monotonic``, for all requests together.
        :param agent: the header ``User-Agent``. Some registries answer only to engines.
        """
        self._deadline = deadline
        self._agent = agent
        self.connector = connector
        self.latency: Optional[float] = None
        """Seconds until the first answer."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        stage: str = "http",
        limit: Optional[int] = None,
    ) -> Answer:
        """Return the answer after all redirects. A token is never sent to another host.

        :param limit: the most bytes of a good answer. If None, its body does not matter.
        """
        start = time.monotonic()
        for _redirect in range(REDIRECTS + 1):
            answer = self._request_once(method, url, headers, stage, limit)
            target = _redirect_target(answer, stage)
            if target is None:
                self.latency = time.monotonic() - start if self.latency is None else self.latency
                return answer
            parts = connection.split_url(target, stage)
            if parts.netloc != connection.split_url(url, stage).netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            headers = {**connection.authorization(parts), **headers}
            url = target
        raise Failure(stage, f"{masking.mask_url(url)} redirects more than {REDIRECTS} times")

    def _request_once(
        self, method: str, url: str, headers: Mapping[str, str], stage: str, limit: Optional[int]
    ) -> Answer:
        parts = connection.split_url(url, stage)
        opened = self.connector.open(parts, record=stage == "http")
        opened.response_class = _Response
        self.connector.stage = stage
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        if self.connector.is_relayed(parts):
            target = url
            headers = {**headers, **self.connector.relay_headers(parts)}
        try:
            headers = {"User-Agent": self._agent, "Host": connection.host_header(parts), **headers}
            sock = opened.sock
            opened.request(method, target, headers=headers)
            response = opened.getresponse()
            return Answer(url, response.status, response.headers, *self._body(response, sock, limit))
        except (OSError, http.client.HTTPException, ValueError, http_body.BodyError) as exc:
            text = f"{masking.mask_url(url)} gives no valid HTTP response: {connection.describe(exc)}"
            raise Failure(stage, text, is_silent=connection.is_silent(exc)) from exc
        finally:
            opened.close()

    def _body(self, response: http.client.HTTPResponse, sock: Any, limit: Optional[int]) -> Tuple[bytes, bool]:
        """Return the body, and whether it is whole. Where it only explains an error, it is read for a second."""
        if limit is None or not 200 <= response.status < 300:
            deadline = min(self._deadline, time.monotonic() + PING_BODY_SECONDS)
            sock.settimeout(PING_BODY_SECONDS)
            with contextlib.suppress(OSError, http.client.HTTPException, http_body.BodyError):
                return http_body.read(response, deadline=deadline, limit=BODY_LIMIT, is_cut=True), True
            return b"", False
        is_gzip = response.headers.get("Content-Encoding", "").lower() == "gzip"
        return http_body.read_whole(response, deadline=self._deadline, limit=limit, is_gzip=is_gzip)


def _one_line(header: str) -> str:
    return " ".join(part.strip() for part in header[:HEADER_LIMIT].splitlines())


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
    refuse_downgrade(answer, target, stage, "redirects to")
    return target


def refuse_downgrade(answer: Answer, target: str, stage: str, verb: str) -> None:
    """Refuse to go on without encryption after an encrypted answer: all others on the way could then read and forge.

    :param verb: what the answer does with the target, as the middle of a sentence.
    """
    if answer.url.startswith("https://") and target.startswith("http://"):
        text = f"{answer.shown_url} {verb} {masking.mask_url(target)}, which is not encrypted, so it is not asked"
        raise Failure(stage, f"{text}. Make the mirror use https there as well", is_open=True)
