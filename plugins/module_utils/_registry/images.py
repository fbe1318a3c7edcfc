# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Names of images of Docker Hub.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import re

from typing import NamedTuple

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d, pull_rules

_PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "armv6l": "arm/v6", "i686": "386"}
_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>\w[\w.-]{0,127}))?"
    rf"(?:@(?P<digest>{pull_rules.DIGEST.pattern}))?",
    re.ASCII,
)


class ImageError(ValueError):
    """Text that does not name an image of Docker Hub."""


class Image(NamedTuple):
    """An image of Docker Hub. ``text`` is the user's own text, ``reference`` is a tag or a digest."""

    text: str
    name: str
    reference: str


def parse(text: str) -> Image:
    """Return the image of Docker Hub that ``docker pull`` would pull.

    :raises ImageError: if the text is not a valid name, or names an image of another registry. Engines use mirrors
        only for images of Docker Hub.
    """
    name = text.strip()
    first, slash, rest = name.partition("/")
    if slash and (re.search(r"[.:]", first) or first == "localhost"):
        if first not in ("docker.io", "index.docker.io"):
            raise ImageError(f"{text}: an image of {first}; engines use mirrors only for images of Docker Hub.")
        name = rest
    image = _image(text, name)
    return image if "/" in image.name else image._replace(name=f"library/{image.name}")


def of_registry(text: str, registry: str) -> Image:
    """Return an image of a registry, which the text does not name.

    :raises ImageError: if the text is not a valid name.
    """
    return parse(text) if registry == certs_d.HUB else _image(text, text)


def _image(text: str, name: str) -> Image:
    match = _REFERENCE.fullmatch(name)
    if not match:
        raise ImageError(
            f"{text}: not a valid image name. Valid names are, for example, alpine, alpine:3.20 and grafana/grafana."
        )
    return Image(text, match["name"], match["digest"] or match["tag"] or "latest")


def platform_of_host() -> str:
    """Return the platform of this host, as registries name it."""
    machine = os.uname().machine
    return f"linux/{_PLATFORMS.get(machine, machine)}"
