# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a user declares of the caches of a host, and where their files are.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d

PROGRAM = "/usr/bin/docker-registry"
USER = "docker-registry"
"""The program and the user of Debian's package ``docker-registry``."""

CONFIGURATIONS = "/etc/registry-cache"
UNITS = "/etc/systemd/system"
KEEPER = "/usr/local/lib/registry-cache/keeper.py"
STAGED = "/run/registry-cache"
"""The copies of what each running cache started with."""

PREVIOUS = f"{CONFIGURATIONS}/previous.json"
"""The files before a change that is not proved yet."""

UNIT = f"{UNITS}/registry-cache@.service"
TRIM_SERVICE = f"{UNITS}/registry-cache-trim.service"
TIMER = "registry-cache-trim.timer"
TRIM_TIMER = f"{UNITS}/{TIMER}"

CONFIGURATION_MODE = 0o640
"""Only root may write a configuration, and not everybody may read it: it can hold a password."""


class Instance(NamedTuple):
    """One cache, of one registry."""

    registry: str
    port: int
    metrics: str
    """Address and port of its metrics, or an empty string."""

    @property
    def upstream(self) -> str:
        return upstream_of(self.registry)


class Wish(NamedTuple):
    """What a user declares. The names are those of the role's variables, without their prefix."""

    ports: Mapping[str, int]
    name: str
    certificate: Optional[str]
    key: Optional[str]
    plain_http: bool
    data: str
    max_size: str
    credentials: Mapping[str, Tuple[str, str]]
    private: bool
    metrics: str
    settings: Mapping[str, Any]
    check_images: Mapping[str, str]

    @property
    def instances(self) -> List[Instance]:
        """The caches in the order of the ports as they were declared, in which the metrics are numbered."""
        return [
            Instance(registry, port, _nth_address(self.metrics, number))
            for number, (registry, port) in enumerate(self.ports.items())
        ]

    def url(self, instance: Instance) -> str:
        """Return the URL under which clients reach a cache, as engines show it."""
        return f"{'http' if self.plain_http else 'https'}://{self.name}:{instance.port}/"

    def staged(self) -> Dict[str, str]:
        """Return the files that each cache starts with by the names of their copies. ``%i`` is the registry."""
        sources = {"config.yml": f"{CONFIGURATIONS}/%i.yml", "unit": UNIT}
        if self.certificate and self.key:
            sources.update({"tls.crt": self.certificate, "tls.key": self.key})
        return sources


def unit_of(registry: str) -> str:
    return f"registry-cache@{registry}.service"


def configuration_of(registry: str) -> str:
    return f"{CONFIGURATIONS}/{registry}.yml"


def upstream_of(registry: str) -> str:
    """Return the URL of a registry, as engines show it."""
    return client.HUB if registry == certs_d.HUB else f"https://{registry}/"


def folder_of(data: str, registry: str) -> str:
    """Return the folder of what a cache holds."""
    return f"{data}/{registry}"


def _nth_address(address: str, number: int) -> str:
    host, colon, port = address.rpartition(":")
    return f"{host}{colon}{int(port) + number}" if address else ""
