# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Where mirrors that are in force are not used, or not safe to use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

from typing import List, Optional, Sequence
from urllib.parse import SplitResult, urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d, mirror_url, versions

_HOSTS_TOML = {
    certs_d.Effect.HOST: (
        ": the host that is named there is asked instead of the registry mirrors. "
        "The engine shows the mirrors and does not use them."
    ),
    certs_d.Effect.SERVER: (
        ": if no mirror has an image, the engine asks the server that is named there, and not Docker Hub. "
        "Remove the line if this is not what you want."
    ),
    certs_d.Effect.INVALID: (
        ". The file is not valid TOML, and the engine ignores all of it (seen on 28.5.2). Fix or remove the file."
    ),
}

_BUILDS = (
    ": docker build asks the host that is named there instead of the registry mirrors (moby daemon/hosts.go). "
    "Pulls use the mirrors."
)

_LOGIN = (
    "{path} has a login for Docker Hub: with this image store the engine sends Docker Hub's credentials to the mirror "
    "as well, and pulls from Docker Hub where the mirror refuses them (moby issue 42022). If this host needs no login, "
    "run docker logout."
)
_USE_A_CACHE = "Use a cache, such as https://mirror.gcr.io."

_EVERYWHERE = ("0.0.0.0/0", "::/0")
"""Networks with each host, whatever its name resolves to."""

_WEBSITES = ("hub.docker.com", "www.docker.com", "docker.com")

_OTHER_REGISTRIES = (
    "docker.elastic.co",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "nvcr.io",
    "public.ecr.aws",
    "quay.io",
    "registry.access.redhat.com",
    "registry.gitlab.com",
    "registry.k8s.io",
    "registry.redhat.io",
)
"""Public registries that have images of their own, and none of Docker Hub."""


def of(
    mirrors: Sequence[str],
    *,
    insecure: Sequence[str],
    image_store: Optional[str],
    version: Optional[versions.Version],
    hosts_toml: Optional[certs_d.HostsToml],
    login: Optional[str] = None,
) -> List[str]:
    """Return warnings about these mirrors, as sentences.

    :param mirrors: the mirrors in force, or those that will be.
    :param insecure: the engine's insecure registries: ``host``, ``host:port`` or a network such as ``10.0.0.0/8``.
    :param image_store: ``containerd``, ``graphdriver``, or None when unknown.
    :param hosts_toml: what the ``hosts.toml`` that engines read for Docker Hub's images changes, or None.
    :param login: the file with a login for Docker Hub that this user's pulls send, or None.
    """
    found = [caution for caution in map(_no_cache, mirrors) if caution]
    if not mirrors or image_store is None or version is None:
        return found
    if image_store != "containerd":
        if hosts_toml and hosts_toml.effect is certs_d.Effect.HOST and version >= versions.HAS_SHARED_DOCKER_IO:
            found.append(hosts_toml.place + _BUILDS)
        found += [_doubled(mirror) for mirror in mirrors if mirror.rstrip("/").endswith("/v2")]
        return found + ([_LOGIN.format(path=login)] if login else [])
    if not versions.shares_docker_io(image_store, version):
        return found + [
            f"With the containerd image store this engine connects to {mirror} over https (seen on 26.1.5): "
            "give the mirror a certificate."
            for mirror in mirrors
            if mirror.startswith("http://") and not _is_loopback(mirror)
        ]
    if hosts_toml:
        found.append(hosts_toml.place + _HOSTS_TOML[hosts_toml.effect])
    return found + [_not_verified(mirror) for mirror in mirrors if is_unverified(mirror, insecure)]


def _no_cache(mirror: str) -> Optional[str]:
    """Return, as a sentence, why a mirror cannot be a cache of Docker Hub, or None."""
    host = _host_of(mirror)
    if host in certs_d.HUB_NAMES:
        return (
            f"The mirror {mirror} is Docker Hub itself: it caches nothing, and the limit on pulls applies. "
            "Take it out of the list: the engine asks Docker Hub after all mirrors."
        )
    if host in _WEBSITES:
        return f"The mirror {mirror} is a website and not a registry: the engine asks it in vain. {_USE_A_CACHE}"
    if host in _OTHER_REGISTRIES:
        return f"The mirror {mirror} is a registry with images of its own, and no cache of Docker Hub. {_USE_A_CACHE}"
    return None


def _doubled(mirror: str) -> str:
    shown = mirror.rstrip("/")
    return (
        f"The path of the mirror {shown} ends in /v2, and with this image store the engine asks /v2/v2/ there. "
        f"Write {shown[: -len('/v2')]} in its place."
    )


def _not_verified(mirror: str) -> str:
    place = "on this host" if _is_loopback(mirror) else "an insecure registry"
    return (
        f"The mirror {mirror} is {place}: with the containerd image store this engine then does not verify "
        "Docker Hub's certificate either. Give the mirror a certificate that the host trusts and a name that is not "
        "a name of this host, and remove it from insecure-registries."
    )


def is_unverified(mirror: str, insecure: Sequence[str]) -> bool:
    """Return whether an engine verifies no certificate of this mirror.

    :param insecure: as for ``of``.
    """
    return _is_loopback(mirror) or _is_insecure(mirror, insecure)


def cost_of_silence(image_store: Optional[str]) -> str:
    """Return, as a sentence, what a mirror costs that does not answer at all (seen on 20.10.24, 26.1.5 and 28.5.2).

    :param image_store: ``containerd``, ``graphdriver``, or None when unknown.
    """
    time = "30 seconds for it at each object of an image"
    if image_store != "containerd":
        time = "15 seconds for it at each pull"
    return f"The engine waits {time} before it asks the next."


def _host_of(mirror: str) -> str:
    return _parts_of(mirror).hostname or ""


def _parts_of(mirror: str) -> SplitResult:
    """Return the parts of a URL. They are empty if it is not valid, as a mirror in a file can be."""
    try:
        return urlsplit(mirror)
    except ValueError:
        return urlsplit("")


def _is_loopback(mirror: str) -> bool:
    return mirror_url.is_loopback(_host_of(mirror))


def _is_insecure(mirror: str, insecure: Sequence[str]) -> bool:
    host = _host_of(mirror)
    names = {host, _parts_of(mirror).netloc.lower()}
    return any(
        _without_scheme(entry) in names or entry in _EVERYWHERE or mirror_url.is_in(host, entry)
        for entry in map(str.lower, insecure)
    )


def _without_scheme(entry: str) -> str:
    """Return an insecure registry as the engine understands it (moby registry/config.go)."""
    return entry.rpartition("://")[2]
