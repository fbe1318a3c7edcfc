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


def route(
    mirror: str,
    engine: engines.Engine,
    certificates: Mapping[str, str],
    certs_folder: str,
) -> connection.Route:
    """Return the route of this engine to a mirror or to Docker Hub. If no engine runs, it is the route of a new one.

    :param certificates: those that are not written yet, by ``host`` or ``host:port``.
    :param certs_folder: the folder in which the engine looks for certificates.
    """
    info, host = engine.info, certs_d.host_of(mirror)
    shared = versions.shares_docker_io(info.image_store if info else None, engine.version)
    folder = certs_d.HUB if mirror == client.HUB or shared else host
    return connection.Route(
        folder=os.path.join(certs_folder, folder),
        certificates=certificates.get(host),
        insecure=cautions.is_unverified(mirror, info.settings.get("insecure-registries", ()) if info else ()),
        proxies=engine_environment.proxies(engine),
        environment=engine_environment.environment(engine),
        started=processes.started(engine.process) if engine.process else None,
    )


def puller(engine: engines.Engine) -> checks.Puller:
    """Return who would pull. An engine that does not run can have any image store when it starts."""
    if engine.info is None:
        return checks.Puller((pull_rules.CLASSIC, pull_rules.CONTAINERD))
    return checks.Puller((engine.info.image_store,), engine.version)


def question(
    url: str, engine: engines.Engine, found: connection.Route, images: Sequence[images.Image], certs_folder: str
) -> Optional[str]:
    """Return the name with which the engine can be asked about a mirror, or None if it would not answer for a pull.

    With certificates that are not written yet, it could not. If it shares one folder of certificates for all mirrors,
    it reads another one for this question than for a pull.
    """
    info = engine.info
    if info is None or url == client.HUB or found.certificates:
        return None
    own_folder = os.path.join(certs_folder, certs_d.host_of(url))
    if found.folder != own_folder and (trust.paths_in(found.folder) or trust.paths_in(own_folder)):
        return None
    image = images[0] if images else checks.USUAL_IMAGE
    return engine_view.question(url, image, engine.version, insecure=found.insecure)
