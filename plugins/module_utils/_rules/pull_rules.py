# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What Docker Engine makes of a mirror's answers for an image, by image store.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

The classic stores ask the next registry after any fault. The containerd store does so only where a mirror refuses: if
the mirror answers with success and something is wrong with the answer, the pull fails, although Docker Hub has the
image. All rules were seen on 26.1.5 (classic) and 29.7.2 (containerd), and are those of moby distribution/pull_v2.go
and of containerd core/remotes/docker/resolver.go.
"""

from __future__ import annotations

import hashlib
import re

from typing import Callable, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url, versions

USED, NOT_USED, BREAKS_PULLS = "used", "not_used", "breaks_pulls"
"""The verdicts about a mirror or an image. None means that it is not known."""

CONTAINERD, CLASSIC = "containerd", "graphdriver"
"""The image stores, as ``engine.image_store`` names them."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

MANIFEST_LIMIT = 4 * 1024 * 1024
"""The largest manifest that the containerd store takes, in bytes (containerd resolver.go MaxManifestSize)."""

PING_SECONDS = 15
"""How long the classic stores wait for the answer to ``/v2/`` (moby registry/auth.go)."""

INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)


_WITHOUT_MANIFEST = "it has the tag, and answers with HTTP {status} for its manifest"


def digest_of(data: bytes) -> str:
    """Return the digest by which a registry names these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def api_url(mirror: str, image_store: str, version: Optional[versions.Version]) -> str:
    """Return the URL of the API that an engine asks for a mirror, with its final slash.

    With the containerd store, 28.0 and later add ``/v2`` only where the path does not end in it (moby daemon/hosts.go).
    Older ones put ``/v2`` before the path, or drop the path (24.0), and take the scheme from the host: ``http`` only
    for a host on itself (seen on 26.1.5).

    :param mirror: as the engine shows it.
    """
    if image_store != CONTAINERD:
        return f"{mirror}v2/"
    parts = urlsplit(mirror)
    path = re.sub("/+", "/", parts.path).rstrip("/")
    if version is None or version >= versions.HAS_SHARED_DOCKER_IO:
        return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/v2') else f'{path}/v2'}/"
    scheme = "http" if mirror_url.is_loopback(parts.hostname or "") else "https"
    return f"{scheme}://{parts.netloc}/v2{path if version >= versions.HAS_BUILD_RELOAD else ''}/"


class Reply(NamedTuple):
    """What decides of an answer for a manifest. The answer to ``HEAD`` has no body."""

    status: int
    media_type: str = ""
    digest: str = ""
    """The header ``Docker-Content-Digest``, or an empty string."""
    length: Optional[int] = None
    """The header ``Content-Length``."""
    body: bytes = b""
    """At most ``MANIFEST_LIMIT`` bytes, without its encoding by gzip."""
    body_digest: str = ""
    body_size: int = 0
    is_whole: bool = True
    """Whether the body came to its end."""
    error: str = ""
    """The error message of the registry as the end of a sentence, or an empty string."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def has_known_type(self) -> bool:
        return self.media_type.partition(";")[0].strip() in (*INDEXES, *MANIFESTS)


class Judgement(NamedTuple):
    """What an engine makes of a mirror's answers for one image."""

    verdict: Optional[str]
    reason: Optional[str] = None
    digest: Optional[str] = None
    manifest: bytes = b""
    refusal: Optional[int] = None
    """The HTTP status if the mirror refuses the image. With 404 it only lacks the image."""


Fetch = Callable[[str, str], Reply]
"""Ask for a manifest, with a method and a tag or digest."""


def judge(image_store: str, fetch: Fetch, reference: str) -> Judgement:
    """Ask for the manifest of an image in the steps of an image store, and return what the engine makes of it.

    :param reference: a tag or a digest.
    """
    steps = _steps_of_containerd if image_store == CONTAINERD else _steps_of_classic
    return steps(fetch, reference)


def judge_platform(image_store: str, reply: Reply, digest: str) -> Judgement:
    """Return what the engine makes of the answer for the manifest of one platform, which an index names."""
    if not reply.is_success:
        return _refused(reply)
    if reply.body_digest == digest and reply.is_whole:
        if image_store == CONTAINERD or reply.has_known_type:
            return Judgement(USED, None, digest, reply.body)
        return Judgement(NOT_USED, _wrong_type(reply))
    verdict = BREAKS_PULLS if image_store == CONTAINERD else NOT_USED
    return Judgement(verdict, _wrong_content("the manifest of the platform", digest, reply))


def _steps_of_classic(fetch: Fetch, reference: str) -> Judgement:
    digest = reference
    if not DIGEST.fullmatch(reference):
        reply = fetch("HEAD", reference)
        if not reply.is_success or not reply.digest:
            reply = fetch("GET", reference)
        if not reply.is_success:
            return _refused(reply)
        digest, fault = _descriptor_of_classic(reply)
        if fault:
            return Judgement(NOT_USED, fault)
    reply = fetch("GET", digest)
    if not reply.is_success:
        return Judgement(NOT_USED, _WITHOUT_MANIFEST.format(status=reply.status))
    if not reply.has_known_type:
        return Judgement(NOT_USED, _wrong_type(reply))
    if not reply.is_whole and reply.body_size <= MANIFEST_LIMIT:
        return Judgement(NOT_USED, f"the answer with its manifest ends after {reply.body_size} bytes")
    return Judgement(USED, None, digest, reply.body)


def _descriptor_of_classic(reply: Reply) -> Tuple[str, Optional[str]]:
    """Return the digest of a tag, and the fault for which the engine does not take it, or None (client/repository.go).

    Without a digest in the header, the engine computes it from the body, which must be a manifest.
    """
    if not reply.media_type:
        return "", "its answer has no Content-Type"
    if not reply.digest:
        return reply.body_digest, None if reply.has_known_type else _wrong_type(reply)
    if not DIGEST.fullmatch(reply.digest):
        return "", "its answer has no valid digest"
    if reply.length is None:
        return "", "its answer has no Content-Length"
    return reply.digest, None


def _steps_of_containerd(fetch: Fetch, reference: str) -> Judgement:
    reply = fetch("HEAD", reference)
    if reply.status == 405:
        reply = fetch("GET", reference)
    if not reply.is_success:
        return _refused(reply)
    media_type, size = reply, reply.length
    digest = reply.digest if size is not None else ""
    if DIGEST.fullmatch(reference):
        digest = reference
    if digest and not DIGEST.fullmatch(digest):
        return Judgement(BREAKS_PULLS, "its answer has no valid digest")
    if not digest or size is None:
        media_type = fetch("GET", reference)
        if not media_type.is_success:
            return Judgement(None, f"it answers HEAD, and refuses GET with HTTP {media_type.status}")
        digest, size = digest or media_type.body_digest, media_type.body_size
    if not 0 < size <= MANIFEST_LIMIT:
        return Judgement(BREAKS_PULLS, f"its manifest has {size} bytes; allowed are 1 to {MANIFEST_LIMIT}", digest)
    if not media_type.has_known_type:
        return Judgement(BREAKS_PULLS, _wrong_type(media_type), digest)
    got = fetch("GET", digest)
    if not got.is_success:
        return Judgement(NOT_USED, _WITHOUT_MANIFEST.format(status=got.status))
    if got.body_digest != digest or got.body_size != size or not got.is_whole:
        return Judgement(BREAKS_PULLS, _wrong_content("its manifest", digest, got, size), digest)
    return Judgement(USED, None, digest, got.body)


def _refused(reply: Reply) -> Judgement:
    if reply.status == 404:
        return Judgement(NOT_USED, "it does not have this image", refusal=404)
    limit = " (its rate limit is reached)" if reply.status == 429 else ""
    return Judgement(NOT_USED, f"HTTP {reply.status}{limit}{reply.error}", refusal=reply.status)


def _wrong_type(reply: Reply) -> str:
    if not reply.media_type:
        return "its answer has no Content-Type"
    return f"its answer has the Content-Type {reply.media_type}, which is not the type of a manifest"


def _wrong_content(what: str, digest: str, reply: Reply, size: Optional[int] = None) -> str:
    """Return why a body is not the manifest that the mirror itself announced."""
    if size is not None and reply.body_size != size:
        return f"{what} has {reply.body_size} bytes, and the mirror announced {size}"
    if not reply.is_whole:
        return f"the answer with {what} ends after {reply.body_size} bytes"
    return f"{what} has the digest {reply.body_digest}, and the mirror announced {digest}"
