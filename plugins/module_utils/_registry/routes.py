# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""How an engine reaches a registry: its certificates, proxies and image store, and whether it can be asked itself.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import Mapping, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_environment, engines, processes
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    checks,
    client,
    connection,
    engine_view,
    images,
    trust,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import cautions, certs_d, pull_rules, versions


class Routes:
    """The routes of one engine, or of a new one if none runs. What they share is read once."""

    def __init__(self, engine: engines.Engine, certificates: Mapping[str, str], certs_folder: str) -> None:
        """:param certificates: those that are not written yet, by ``host`` or ``host:port``.
        :param certs_folder: the folder in which the engine looks for certificates.
        """
        self._engine = engine
        self._certificates = certificates
        self._certs_folder = certs_folder
        self._proxies = engine_environment.proxies(engine)
        self._environment = engine_environment.environment(engine)
        self._started = processes.started(engine.process) if engine.process else None

    def to(self, mirror: str) -> connection.Route:
        """Return the route to a mirror or to Docker Hub."""
        info, host = self._engine.info, certs_d.host_of(mirror)
        shared = versions.shares_docker_io(info.image_store if info else None, self._engine.version)
        folder = certs_d.HUB if mirror == client.HUB or shared else host
        return connection.Route(
            folder=os.path.join(self._certs_folder, folder),
            certificates=self._certificates.get(host),
            insecure=cautions.is_unverified(mirror, info.settings.get("insecure-registries", ()) if info else ()),
            proxies=self._proxies,
            environment=self._environment,
            started=self._started,
        )

    def question(self, mirror: str, found: connection.Route, images: Sequence[images.Image]) -> Optional[str]:
        """Return the name with which the engine can be asked about a mirror, or None if it would not answer for a pull.

        With certificates that are not written yet, it could not. If it shares one folder of certificates for all
        mirrors, it reads another one for this question than for a pull.

        :param found: the route to the mirror.
        """
        if self._engine.info is None or mirror == client.HUB or found.certificates:
            return None
        own_folder = os.path.join(self._certs_folder, certs_d.host_of(mirror))
        if found.folder != own_folder and (trust.paths_in(found.folder) or trust.paths_in(own_folder)):
            return None
        image = images[0] if images else checks.USUAL_IMAGE
        return engine_view.question(mirror, image, self._engine.version, insecure=found.insecure)


def puller(engine: engines.Engine) -> checks.Puller:
    """Return who would pull. An engine that does not run can have any image store when it starts."""
    if engine.info is None:
        return checks.Puller((pull_rules.CLASSIC, pull_rules.CONTAINERD))
    return checks.Puller((engine.info.image_store,), engine.version)
