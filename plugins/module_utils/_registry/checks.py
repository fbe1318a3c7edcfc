# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check one registry as an engine with one image store would pull from it.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import time

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client, connection, images
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.connection import Failure
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import pull_rules, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.pull_rules import BREAKS_PULLS, NOT_USED, USED

ROUTE = ("dns", "tcp", "proxy", "tls")
"""The steps before the first request."""

USUAL_IMAGE = images.parse("alpine")
"""The image that is looked for if the task names none. That a registry does not have it is no fault."""

_WAITS = {"tcp": 0.0, "tls": 10.0}
"""How long an engine waits at a step, in seconds (net/http DefaultTransport). One that gets no connection within the
time limit of a check will hardly get one later."""

UNKNOWN: Dict[str, Any] = {"verdict": None, "cached": None, "digest": None, "size": None}


class Puller(NamedTuple):
    """The engine that would pull. If none runs, it may have any image store."""

    image_stores: Sequence[str] = (pull_rules.CLASSIC,)
    version: Optional[versions.Version] = None

    @property
    def agent(self) -> str:
        """The header ``User-Agent``, which begins as the engine's own."""
        return f"docker/{'.'.join(map(str, self.version or ())) or 'unknown'} pullthrough.docker"


class Finding(NamedTuple):
    """A verdict about a registry, with the failed step and its reason. The verdict is None if it is not known."""

    verdict: Optional[str]
    failure: Optional[Failure] = None


class Check:
    """One registry, as an engine with one image store uses it. Another thread can read at any time what is known."""

    def __init__(
        self, url: str, connector: connection.Connector, deadline: float, puller: Puller, image_store: str
    ) -> None:
        api = pull_rules.api_url(url, image_store, puller.version)
        self._is_hub = url == client.HUB
        self.image_store = image_store
        self._began = time.monotonic()
        self._is_asking_v2 = False
        self.registry = client.Registry(api, connector, deadline, puller.agent, image_store)
        self.finding: Optional[Finding] = None
        self.images: List[Dict[str, Any]] = []
        self.rate_limit: Optional[Dict[str, Any]] = None

    def run(self, wanted: Sequence[images.Image], platform: str) -> None:
        """Check the registry and these images, and set the finding."""
        fault: Optional[Failure] = None
        try:
            if self.image_store == pull_rules.CLASSIC:
                fault = self._ask_v2()
            judgements = self._look_for(wanted or [USUAL_IMAGE], platform, is_usual=not wanted)
        except Failure as exc:
            self._fail(exc)
            return
        self.finding = _of_images(judgements)
        if self.image_store != pull_rules.CLASSIC:
            fault = self._ask_v2_for_the_report()
        if self.finding is None:
            self.finding = _of_registry(judgements, fault, is_usual=not wanted)

    def _fail(self, failure: Failure) -> None:
        """Set the finding after a failed request. What is known of the images decides nevertheless."""
        verdicts = {image["verdict"] for image in self.images}
        known = next((verdict for verdict in (BREAKS_PULLS, USED) if verdict in verdicts), None)
        self.finding = Finding(known or self.verdict_of(failure), failure)

    def _ask_v2(self) -> Optional[Failure]:
        self._is_asking_v2 = True
        fault = self.registry.ping()
        self._is_asking_v2 = False
        if self._is_hub:
            self.rate_limit = self.registry.rate_limit()
        return fault

    def _ask_v2_for_the_report(self) -> Optional[Failure]:
        """Ask ``/v2/`` only for the report: with this image store the engine does not."""
        try:
            return self.registry.ping()
        except Failure as exc:
            return exc

    def _look_for(self, wanted: Sequence[images.Image], platform: str, *, is_usual: bool) -> List[pull_rules.Judgement]:
        judgements = []
        for image in wanted:
            size = None
            if self._is_hub:  # Docker Hub counts all other requests.
                digest, reason = self.registry.digest(image)
                judgement = pull_rules.Judgement(USED if digest else NOT_USED, reason, digest)
            else:
                judgement = self.registry.judge(image)
                if judgement.verdict == USED:
                    judgement, size = self.registry.content(image, judgement, platform)
            judgements.append(judgement)
            if not is_usual:
                self.images.append(_report(judgement, size))
        return judgements

    def verdict_of(self, failure: Failure) -> Optional[str]:
        """Return whether an engine would fail as well: it may wait longer, or do what this check does not."""
        if failure.is_open:
            return None
        if not failure.is_silent:
            return NOT_USED
        limit = pull_rules.PING_SECONDS if self._is_asking_v2 else float("inf")
        return NOT_USED if time.monotonic() - self._began >= _WAITS.get(failure.stage, limit) else None


def _report(judgement: pull_rules.Judgement, size: Optional[int]) -> Dict[str, Any]:
    return {
        "verdict": judgement.verdict,
        "cached": {USED: True, NOT_USED: False}.get(judgement.verdict or ""),
        "digest": judgement.digest,
        "size": size,
        "reason": judgement.reason,
    }


def _of_images(judgements: Sequence[pull_rules.Judgement]) -> Optional[Finding]:
    """Return the verdict about a registry if one of its images decides it."""
    for verdict in (BREAKS_PULLS, USED):
        found = next((judgement for judgement in judgements if judgement.verdict == verdict), None)
        if found:
            return Finding(verdict, None if verdict == USED else Failure("http", str(found.reason)))
    return None


def _of_registry(judgements: Sequence[pull_rules.Judgement], fault: Optional[Failure], *, is_usual: bool) -> Finding:
    """Return the verdict about a registry that gave no image.

    :param fault: what is wrong with the answer to ``/v2/``.
    :param is_usual: whether the task named no image. That a registry refuses the usual one then says little.
    """
    if fault:
        return Finding(NOT_USED, fault)
    if all(judgement.refusal == 404 for judgement in judgements):
        return Finding(USED)
    first = next(judgement for judgement in judgements if judgement.refusal != 404)
    is_open = first.verdict is None or (is_usual and first.refusal is not None)
    return Finding(None if is_open else NOT_USED, Failure("http", str(first.reason)))
