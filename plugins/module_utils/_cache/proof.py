# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Ask a cache and its upstream, and prove a cache by a pull through it.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import time

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, http_body
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    client,
    connection,
    http_session,
    images,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules

BLOB_LIMIT = 16 * 1024 * 1024
"""The largest layer or configuration that is pulled as a proof, in bytes."""

_ANSWER_SECONDS = 10
_PULL_SECONDS = 30
"""The most seconds that a cache may take to serve the image, besides those that it may take to store it."""

_POLL_SECONDS = 0.5

_AGENT = "pullthrough.docker"


class ProofError(Exception):
    """A cache that did not do its work. The text says why, without a period."""


class Target(NamedTuple):
    """A cache to be proved."""

    url: str
    """Under its own name, as engines show it."""
    certificates: Optional[str]
    """The certificates that it must show, in PEM; None for plain http."""
    image: Optional[images.Image]
    upstream: Optional[str]
    """The URL of its upstream; None if that shows images only to an account."""
    proxies: Mapping[str, str]
    content: str
    """The folder of what it holds."""


def open_cache(url: str, certificates: Optional[str], seconds: float = _ANSWER_SECONDS) -> client.Registry:
    """Return a client of a cache that accepts its own certificate, besides those that the system trusts."""
    return _open(url, connection.Route(folder="", certificates=certificates), seconds)


def open_upstream(url: str, proxies: Mapping[str, str], seconds: float = _ANSWER_SECONDS) -> client.Registry:
    return _open(url, connection.Route(folder="", proxies=proxies), seconds)


def _open(url: str, route: connection.Route, seconds: float) -> client.Registry:
    deadline = time.monotonic() + seconds
    connector = connection.Connector(route, deadline)
    return client.Registry(f"{url}v2/", connector, deadline, _AGENT, pull_rules.CLASSIC)


def silence(url: str, proxies: Mapping[str, str]) -> Optional[str]:
    """Return why a cache could not start with this upstream, or None.

    The cache asks it for ``/v2/`` when it starts, and ends if there is no answer (distribution
    registry/proxy/proxyauth.go).
    """
    try:
        answer = open_upstream(url, proxies).ask()
    except connection.Failure as exc:
        return str(exc)
    return f"{url} answers with HTTP {answer.status}" if answer.status >= 500 else None


def wait(target: Target, seconds: float) -> None:
    """Wait until a cache answers under its name.

    :raises ProofError: if it does not within the time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fault = open_cache(target.url, target.certificates).ping()
        except connection.Failure as exc:
            fault = exc
        if fault is None:
            return
        if time.monotonic() >= deadline:
            raise ProofError(f"it does not answer within {seconds:g} s: {fault}")
        time.sleep(_POLL_SECONDS)


def pull(target: Target, seconds: float) -> Optional[str]:
    """Pull the image through a cache, compare all digests, and do it again from the disk.

    :param seconds: how long the cache may take to store what it served.
    :returns: why this proves nothing, as the upstream refuses to serve the image for now; None if it is proved.
    :raises ProofError: if the cache does not serve the image whole.
    """
    image = target.image
    if image is None:
        return None
    try:
        cache = open_cache(target.url, target.certificates, seconds + _PULL_SECONDS)
        answer = cache.manifest("GET", image.name, image.reference)
        if answer.status == 429:
            return f"the rate limit of its upstream is reached, so no pull of {image.text} proves the cache"
        manifest = _manifest(answer, image, _digest_at_upstream(target))
        blob = _blob_of(cache, image, manifest)
        if blob:
            _compare(cache.blob(image.name, blob["digest"], blob["size"]), blob["digest"])
            _wait_for_disk(target, blob["digest"], seconds)
            _compare(cache.blob(image.name, blob["digest"], blob["size"]), blob["digest"])
    except connection.Failure as exc:
        raise ProofError(f"a pull of {image.text} through it failed: {exc}") from exc
    return None


def _digest_at_upstream(target: Target) -> Optional[str]:
    """Return the digest that the upstream has for the image, or None where it says none."""
    if target.upstream is None or target.image is None:
        return None
    upstream = open_upstream(target.upstream, target.proxies)
    try:
        upstream.ping()
        return upstream.digest(target.image)[0]
    except connection.Failure:
        return None


def _manifest(answer: http_session.Answer, image: images.Image, expected: Optional[str]) -> Dict[str, Any]:
    if answer.status != 200:
        raise ProofError(f"it does not serve {image.text}: HTTP {answer.status}{answer.error()}")
    digest = pull_rules.digest_of(answer.body)
    shown = answer.header("Docker-Content-Digest")
    if digest != shown or (expected and digest != expected):
        raise ProofError(f"it serves {image.text} as {digest}, but calls it {shown}; the upstream has {expected}")
    return http_body.json_object(answer.body)


def _blob_of(cache: client.Registry, image: images.Image, manifest: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """Return the smallest part of an image that is small enough to be pulled, or None."""
    entries = manifest.get("manifests")
    if isinstance(entries, list) and entries:
        digest = str(entries[0].get("digest")) if isinstance(entries[0], dict) else ""
        answer = cache.manifest("GET", image.name, digest)
        manifest = _manifest(answer, image._replace(reference=digest), digest)
    parts: List[Any] = [manifest.get("config"), *(manifest.get("layers") or [])]
    sized = [part for part in parts if isinstance(part, dict) and isinstance(part.get("size"), int)]
    small = [
        part for part in sized if part["size"] <= BLOB_LIMIT and pull_rules.DIGEST.fullmatch(str(part.get("digest")))
    ]
    return min(small, key=lambda part: int(part["size"])) if small else None


def _compare(answer: http_session.Answer, digest: str) -> None:
    if answer.status != 200 or pull_rules.digest_of(answer.body) != digest:
        raise ProofError(f"it serves {digest} as HTTP {answer.status} with {len(answer.body)} bytes, which are not it")


def _wait_for_disk(target: Target, digest: str, seconds: float) -> None:
    """Wait until the cache has stored what it served."""
    algorithm, _colon, value = digest.partition(":")
    path = f"{target.content}/docker/registry/v2/blobs/{algorithm}/{value[:2]}/{value}/data"
    deadline = time.monotonic() + seconds
    while True:
        try:
            if pull_rules.digest_of(files.read_up_to(path, BLOB_LIMIT)) == digest:
                return
        except FileNotFoundError:
            pass
        if time.monotonic() >= deadline:
            raise ProofError(f"it did not store {digest} in {path}. Look for a full disk")
        time.sleep(_POLL_SECONDS)
