# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the engine itself says of a registry, beside what the own check found.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re

from typing import NamedTuple, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._registry import checks, images
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.checks import Finding
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.connection import Failure
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d, pull_rules, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.pull_rules import NOT_USED, USED
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

SINCE: versions.Version = (25, 0, 0)
"""First version that is asked. Before, the engine took other answers of a registry for this question than for a pull
(20.10), or asked only one registry (moby distribution/repository.go)."""

_STEPS = {
    "proxy": re.compile(r"proxyconnect"),
    "tls": re.compile(r"x509:|tls: |TLS handshake timeout|server gave HTTP response to HTTPS client"),
    "dns": re.compile(r"dial tcp: lookup |no such host"),
    "tcp": re.compile(r"dial tcp [\[0-9]"),
}
"""How the engine words that a step failed. These are the words of Go's standard library."""

_NO_TOKEN = re.compile(r"unauthorized|no basic auth credentials|anonymous token|authorization", re.IGNORECASE)

_REGISTRY_ANSWERED = re.compile(r"manifest unknown|not found", re.IGNORECASE)

_REQUEST_FAILED = re.compile(r'\b(?:Get|Head|Post) "https?://')
"""How Go begins the error of a request without an answer. The rest can quote what a stranger on the network path chose,
such as the names in a certificate that is not trusted, or the status line of a proxy."""


class Said(NamedTuple):
    """The answer of the engine: the digest of an image, or its error."""

    digest: Optional[str]
    error: Optional[str] = None


def question(mirror: str, image: images.Image, version: Optional[versions.Version], *, insecure: bool) -> Optional[str]:
    """Return the name with which the engine can be asked for an image of a mirror, or None if that is not the same.

    The engine asks a registry without a path, over https. It tries http only if it does not verify the registry, and
    then it also takes http for a mirror with https. A name without dot and port is an image of Docker Hub.
    """
    scheme, _separator, rest = mirror.partition("://")
    host, _slash, path = rest.partition("/")
    if version is None or version < SINCE or path or insecure is not (scheme == "http"):
        return None
    if not re.search(r"[.:]", host) or host in certs_d.HUB_NAMES or "%" in host:
        return None
    separator = "@" if pull_rules.DIGEST.fullmatch(image.reference) else ":"
    return f"{host}/{image.name}{separator}{image.reference}"


def settle(own: Finding, said: Said, mirror: str, image_store: str) -> Finding:
    """Return the verdict: the engine is right about DNS, proxy, TLS and tokens, and the own check about the rest.

    With the containerd store, a pull does not ask ``/v2/``, and this question does. So there only a step before the
    first request counts, and only on the way to the mirror itself.
    """
    failed_at = own.failure.stage if own.failure else None
    words = said.error or ""
    if said.digest or (_REGISTRY_ANSWERED.search(words) and not _REQUEST_FAILED.search(words)):
        is_on_the_way = failed_at in (*checks.ROUTE, "token")
        is_unsettled = own.verdict is None and said.digest is not None
        return Finding(USED) if is_unsettled or (own.verdict != USED and is_on_the_way) else own
    is_its_own = f"://{certs_d.host_of(mirror)}/" in words
    step = next((step for step, pattern in _STEPS.items() if is_its_own and pattern.search(words)), None)
    if step is None and image_store == pull_rules.CLASSIC and _NO_TOKEN.search(words):
        step = "token"
    if step is None:
        return own
    explained = f"{own.failure}. " if own.failure and own.verdict == NOT_USED else ""
    silent = own.failure is not None and own.failure.is_silent
    failure = Failure(step, f"{explained}The engine says: {masking.mask(words, 300)}", is_silent=silent)
    return Finding(NOT_USED, failure)
