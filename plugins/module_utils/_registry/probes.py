# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Ask several mirrors at once, over the route that the engine would use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines, scope
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client, images
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import cautions, certs_d
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

GRACE = 0.5
"""Seconds more for whoever has waited in vain to say what for."""


# -- all of them -----------------------------------------------------------------------------------------------------


def route(mirror: str, engine: engines.Engine, certificates: Mapping[str, str]) -> client.Route:
    """The way on which this engine reaches a mirror, or Docker Hub; without one that runs, the way of a new one.

    :param certificates: those that the engine is to get, by C(host) or C(host:port).
    """
    info, host = engine.info, certs_d.host_of(mirror)
    shared = certs_d.is_shared(info.image_store if info else None, engine.version)
    folder = certs_d.HUB if mirror == client.HUB or shared else host
    return client.Route(
        folder=os.path.join(scope.certs_folder(), folder),
        certificates=certificates.get(host),
        insecure=cautions.is_unverified(mirror, info.settings.get("insecure-registries", ()) if info else ()),
        proxies=engines.proxies(engine),
    )


class Probe(threading.Thread):
    """Asks one registry in the background, within a time limit that holds even where the system's resolver hangs."""

    def __init__(self, url: str, way: client.Route, images: Sequence[images.Image], platform: str, deadline: float) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._is_hub = url == client.HUB
        self._images, self._platform = images, platform
        self._deadline = deadline
        self._registry = client.Registry(url, way, deadline)
        self._failure: Optional[client.Failure] = None
        self._answers = False
        self._seen: List[Dict[str, Any]] = []
        self._rate_limit: Optional[Dict[str, Any]] = None

    def run(self) -> None:
        try:
            self._registry.check()
            self._answers = True
            if self._is_hub:
                self._rate_limit = self._registry.rate_limit()
            for wanted in self._images:
                self._seen.append(self._look(wanted))
        except client.Failure as exc:
            self._failure = exc
        except BaseException as exc:  # noqa: BLE001  What a thread raises would be lost.
            self._failure = self._unexpected(exc)

    def _unexpected(self, exc: BaseException) -> client.Failure:
        """Return the failure of a check that raised what no registry should cause."""
        return client.Failure(self._registry.stage, f"the check failed with an unexpected error, {type(exc).__name__}: {exc}")

    @property
    def seconds_left(self) -> float:
        return max(self._deadline - time.monotonic(), 0)

    def _look(self, wanted: images.Image) -> Dict[str, Any]:
        digest, reason = self._registry.digest(wanted)
        size = None
        if digest and not self._is_hub:  # Docker Hub counts what more it would take.
            size, reason = self._registry.size(wanted, digest, self._platform)
        return {"image": wanted.text, "cached": digest is not None, "digest": digest, "size": size, "reason": reason}

    def result(self) -> Dict[str, Any]:
        """What is known when the time is over."""
        self.join(max(self._deadline + GRACE - time.monotonic(), 0))
        stage, failure = self._registry.stage, self._failure
        if failure is None and self.is_alive():
            failure = client.Failure(stage, f"no answer in time, at this point: {stage}", is_silent=True)
        return self.report(failure)

    def report(self, failure: Optional[client.Failure]) -> Dict[str, Any]:
        """Return what is known so far, with the reason of a failure."""
        registry = self._registry
        rest = [
            {"image": wanted.text, "cached": None, "digest": None, "size": None, "reason": str(failure)} for wanted in self._images[len(self._seen) :]
        ]
        return {
            "url": masking.mask(self._url),
            "usable": self._answers,
            "reason": str(failure) if failure else None,
            "failed_at": failure.stage if failure else None,
            "silent": failure is not None and failure.is_silent,
            "proxy": registry.proxy,
            "addresses": registry.addresses,
            "tls": registry.tls,
            "status": registry.status,
            "authentication": registry.authentication,
            "redirected_to": registry.redirected_to,
            "latency_ms": None if registry.latency is None else round(registry.latency * 1000, 1),
            "images": [*self._seen, *rest],
            **({"rate_limit": self._rate_limit} if self._is_hub else {}),
        }


def _in_own_process(probe: Probe) -> Callable[[], Dict[str, Any]]:
    """Start a probe in a process of its own, and return a function that waits for its result.

    The kernel ends that process when the time is over. A thread cannot do this: whoever reads a hostile answer holds the
    interpreter's lock, and every other thread waits for it.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, probe.seconds_left + 1.5 * GRACE)
            probe.start()
            result = json.dumps(probe.result()).encode()
            signal.setitimer(signal.ITIMER_REAL, 0)
            with os.fdopen(sender, "wb") as file:
                file.write(result)
        finally:
            os._exit(0)
    os.close(sender)

    def wait() -> Dict[str, Any]:
        with os.fdopen(receiver, "rb") as file:
            result = file.read()
        os.waitpid(child, 0)
        if not result:
            return probe.report(client.Failure("http", "its answers could not be read within the time limit"))
        held: Dict[str, Any] = json.loads(result)
        return held

    return wait


def examine(
    mirrors: Sequence[str],
    engine: engines.Engine,
    *,
    certificates: Mapping[str, str],
    images: Sequence[images.Image],
    platform: str,
    hub: bool,
    timeout: float,
) -> Tuple[List[Dict[str, Any]], Optional[Dict[str, Any]]]:
    """Ask all mirrors, and Docker Hub if wanted, at once: what each said.

    :param mirrors: as the engine shows them.
    :param timeout: seconds for all of them together.
    """
    deadline = time.monotonic() + timeout
    probes = [Probe(url, route(url, engine, certificates), images, platform, deadline) for url in [*mirrors, *([client.HUB] if hub else [])]]
    results = [wait() for wait in [_in_own_process(probe) for probe in probes]]
    found, asked = (results[:-1], results[-1]) if hub else (results, None)
    for result in found:
        for index, seen in enumerate(result["images"]):
            there = asked["images"][index]["digest"] if asked else None
            seen["same_as_hub"] = None if not there or not seen["digest"] else seen["digest"] == there
    return found, asked


def complaints(results: Sequence[Mapping[str, Any]], image_store: Optional[str]) -> List[str]:
    """A sentence for each mirror that cannot be used, with what it costs."""
    said = []
    for result in results:
        if not result["usable"]:
            cost = f" {cautions.cost_of_silence(image_store)}" if result["silent"] else ""
            said.append(f"The mirror {result['url']} cannot be used: {result['reason']}.{cost}")
    return said
