# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check several mirrors at once, over the route that the engine would use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import threading
import time

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines, files
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import (
    checks,
    client,
    connection,
    engine_view,
    images,
    routes,
    trust,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import cautions, pull_rules
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

GRACE = 0.5
"""Seconds after the deadline in which a check can still report why it got no answer."""

MEMORY_LIMIT = 128 * 1024 * 1024
"""Bytes that the process of a check can hold in addition to what it starts with. The limits of each answer keep it far
below. This limit holds for what they do not foresee."""


class Probe:
    """Checks one registry in the background. Its time limit holds even if the system's resolver hangs."""

    def __init__(
        self,
        url: str,
        route: connection.Route,
        images: Sequence[images.Image],
        platform: str,
        deadline: float,
        *,
        puller: checks.Puller = checks.Puller(),  # noqa: B008  It is immutable.
        ask_engine: Optional[Callable[[], Tuple[Optional[str], Optional[str]]]] = None,
    ) -> None:
        """:param ask_engine: asks the engine itself for the first image, or for the usual one."""
        self._url = url
        self._is_hub = url == client.HUB
        self._images, self._platform = images, platform
        self._deadline = deadline
        self._connector = connection.Connector(route, deadline)
        self._changed_cas = None if route.insecure else trust.SystemCas(route.environment).changed_after(route.started)
        stores = (pull_rules.CLASSIC,) if self._is_hub else puller.image_stores
        self._checks = [checks.Check(url, self._connector, deadline, puller, store) for store in stores]
        self._current = self._checks[0]
        self._ask_engine = ask_engine
        self._said: Optional[engine_view.Said] = None
        self._failure: Optional[connection.Failure] = None
        self._threads: List[threading.Thread] = []

    def start(self) -> None:
        """Start the check in threads, which are made only here: a fork marks threads that were made before as ended."""
        tasks = [self.run] + ([self._listen] if self._ask_engine else [])
        self._threads = [threading.Thread(target=task, daemon=True) for task in tasks]
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until all threads end, at most this long together."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))

    def is_alive(self) -> bool:
        """Return whether the own check still runs."""
        return bool(self._threads) and self._threads[0].is_alive()

    def run(self) -> None:
        try:
            for check in self._checks:
                self._current = check
                check.run(self._images, self._platform)
                failure = check.finding and check.finding.failure
                if failure and failure.stage in checks.ROUTE:  # It fails at the same step for each image store.
                    break
        except BaseException as exc:  # noqa: BLE001  An exception that leaves the thread would be lost.
            self._failure = self._unexpected(exc)

    def _listen(self) -> None:
        if self._ask_engine:
            self._said = engine_view.Said(*self._ask_engine())

    @property
    def seconds_left(self) -> float:
        return max(self._deadline - time.monotonic(), 0)

    def result(self) -> Dict[str, Any]:
        """Wait until the check ends, at most until the deadline, and return the report."""
        self.join(max(self._deadline + GRACE - time.monotonic(), 0))
        is_alive = self.is_alive()  # Before the failure is read: the thread may set it and end at this moment.
        failure = self._failure
        if failure is None and is_alive:
            stage = self._connector.stage
            failure = connection.Failure(stage, f"no answer in time (step: {stage})", is_silent=True)
        if failure is None and all(check.finding is None for check in self._checks):
            failure = connection.Failure(self._connector.stage, "the check ended without a result", is_open=True)
        return self.report(failure)

    def report_unexpected(self, exc: BaseException) -> Dict[str, Any]:
        """Return the report of a check that ended with an exception that no registry should cause."""
        return self.report(self._unexpected(exc))

    def _unexpected(self, exc: BaseException) -> connection.Failure:
        text = f"the check failed with an unexpected error, {type(exc).__name__}: {connection.describe(exc)}"
        if isinstance(exc, MemoryError):
            text = f"the check needs more than {MEMORY_LIMIT // 1024**2} MiB of memory to read its answer"
        return connection.Failure(self._connector.stage, text, is_open=True)

    def _finding(self, failure: Optional[connection.Failure]) -> checks.Finding:
        """Return the verdict about the registry, as far as it is known.

        :param failure: why a check did not end, or None.
        """
        found = [check.finding for check in self._checks if check.finding]
        if failure and self._current.finding is None:
            found.append(checks.Finding(self._current.verdict_of(failure), failure))
        own = found[0]
        if any(finding.verdict != own.verdict for finding in found):
            own = checks.Finding(None, _depends(self._checks))
        if self._said:
            own = engine_view.settle(own, self._said, self._url, self._current.image_store)
        if own.verdict == pull_rules.USED and not (self._said and self._said.digest) and self._needs_new_cas():
            text = f"the engine read the CAs of the system before {self._changed_cas} changed"
            advice = "If the mirror needs a new CA, the engine uses it only after a restart"
            return checks.Finding(None, connection.Failure("tls", f"{text}. {advice}"))
        return own

    def _needs_new_cas(self) -> bool:
        """Return whether the mirror may be trusted only by CAs that the system got after the engine started."""
        tls = self._connector.tls
        return bool(self._changed_cas and tls and tls["verified"] and not tls["certificates"])

    def report(self, failure: Optional[connection.Failure]) -> Dict[str, Any]:
        """Return what is known so far, with the reason of a failure. All strings in it are safe to show."""
        first, connector = self._checks[0], self._connector
        finding = self._finding(failure)
        failure = finding.failure
        report: Dict[str, Any] = masking.mask_all(
            {
                "url": self._url,
                "verdict": finding.verdict,
                "usable": _IS_USABLE.get(finding.verdict),
                "reason": str(failure) if failure else None,
                "failed_at": failure.stage if failure else None,
                "silent": failure is not None and failure.is_silent,
                "proxy": connector.proxy,
                "addresses": connector.addresses,
                "tls": connector.tls,
                "status": first.registry.status,
                "authentication": first.registry.authentication,
                "redirected_to": first.registry.redirected_to,
                "latency_ms": None if first.registry.latency is None else round(first.registry.latency * 1000, 1),
                "images": self._image_reports(finding),
                **({"rate_limit": first.rate_limit} if self._is_hub else {}),
            }
        )
        # The names of images come from the task, and are valid. One like a/token:1 must not be masked.
        named = [{"image": image.text, **result} for image, result in zip(self._images, report["images"])]
        return {**report, "images": named}

    def _image_reports(self, finding: checks.Finding) -> List[Dict[str, Any]]:
        """Return the result of each image. What the engine itself knows better than the own check decides."""
        reason = str(finding.failure) if finding.failure else None
        reports = []
        for index in range(len(self._images)):
            found = [_image_report(check, index, reason) for check in self._checks if check.finding or check.images]
            report = found[0] if found else {**checks.UNKNOWN, "reason": reason}
            if any(other["verdict"] != report["verdict"] for other in found):
                report = {**checks.UNKNOWN, "reason": str(_depends(self._checks))}
            digest = self._said.digest if self._said and index == 0 else None
            if digest and finding.verdict == pull_rules.USED != report["verdict"]:
                report = {
                    **checks.UNKNOWN,
                    "verdict": pull_rules.USED,
                    "cached": True,
                    "digest": digest,
                    "reason": None,
                }
            elif finding.verdict == pull_rules.NOT_USED and report["verdict"] in (None, pull_rules.USED):
                report = {**checks.UNKNOWN, "verdict": pull_rules.NOT_USED, "reason": reason}
            reports.append(report)
        return reports


_IS_USABLE: Dict[Optional[str], Optional[bool]] = {
    pull_rules.USED: True,
    pull_rules.NOT_USED: False,
    pull_rules.BREAKS_PULLS: False,
    None: None,
}


def _image_report(check: checks.Check, index: int, reason: Optional[str]) -> Dict[str, Any]:
    """Return what a check found for an image. If it found nothing for any, its verdict about the registry holds."""
    images = list(check.images)  # The thread may still add to it.
    if index < len(images):
        return images[index]
    verdict = check.finding.verdict if check.finding and not images else None
    return {**checks.UNKNOWN, "verdict": verdict, "reason": reason}


def _depends(found: Sequence[checks.Check]) -> connection.Failure:
    """Return the reason of a verdict that depends on the image store of an engine that does not run yet."""
    parts = []
    for check in found:
        if check.finding:
            why = f" ({check.finding.failure})" if check.finding.failure else ""
            verdict = str(check.finding.verdict or "unknown").replace("_", " ")
            parts.append(f"with the image store {check.image_store}: {verdict}{why}")
    return connection.Failure("http", f"it depends on the engine, and none runs: {'; '.join(parts)}")


def _in_own_process(probe: Probe) -> Callable[[], Dict[str, Any]]:
    """Start a probe in a process of its own, and return a function that waits for its report.

    The kernel ends that process when the time is over. A thread cannot do this: while it parses a hostile answer, it
    holds the interpreter's lock, and every other thread waits.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, probe.seconds_left + 1.5 * GRACE)
            report = _report_in_child(probe)
            signal.setitimer(signal.ITIMER_REAL, 0)
            with os.fdopen(sender, "wb") as file:
                file.write(report)
        finally:
            os._exit(0)
    os.close(sender)

    def wait() -> Dict[str, Any]:
        with os.fdopen(receiver, "rb") as file:
            text = file.read()
        _pid, status = os.waitpid(child, 0)
        try:
            report: Dict[str, Any] = json.loads(text)
        except ValueError:  # The process ended before it wrote the whole report.
            return probe.report(connection.Failure("http", _why_no_report(status), is_open=True))
        return report

    return wait


def _report_in_child(probe: Probe) -> bytes:
    """Run a probe, and return its report as JSON. An exception is in the report, as nobody could catch it."""
    try:
        _limit_memory()
        probe.start()
        return json.dumps(probe.result()).encode()
    except Exception as exc:  # noqa: BLE001
        return json.dumps(probe.report_unexpected(exc)).encode()


def _limit_memory() -> None:
    """Limit the memory of this process. A request for more raises ``MemoryError`` (since Linux 4.7, see getrlimit(2)).

    ``RLIMIT_AS`` would not do: it also counts what a new thread only reserves.
    """
    pages = int(files.text_of("/proc/self/statm").split()[5])  # Data and stack, see proc(5).
    limit = pages * resource.getpagesize() + MEMORY_LIMIT
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft == resource.RLIM_INFINITY or limit < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _why_no_report(status: int) -> str:
    """Return why a process wrote no report.

    :param status: of ``os.waitpid``.
    """
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return "its answer could not be read within the time limit"
    return f"the process of the check ended without a report (wait status {status})"


def examine(
    mirrors: Sequence[str],
    engine: engines.Engine,
    *,
    certificates: Mapping[str, str],
    certs_folder: str,
    images: Sequence[images.Image],
    platform: str,
    hub: bool,
    timeout: float,
    ask_engine: Callable[[engines.Engine, str, float], Tuple[Optional[str], Optional[str]]],
) -> Tuple[List[Dict[str, Any]], Optional[Dict[str, Any]]]:
    """Check all mirrors at once, and Docker Hub on request. Return the reports of the mirrors, and Docker Hub's.

    :param mirrors: as the engine shows them.
    :param timeout: seconds for all of them together.
    :param ask_engine: asks the engine itself for an image of a registry, until a deadline.
    """
    deadline = time.monotonic() + timeout
    urls = [*mirrors, *([client.HUB] if hub else [])]
    puller = routes.puller(engine)
    ways = routes.Routes(engine, certificates, certs_folder)
    probes = []
    for url in urls:
        found = ways.to(url)
        name = ways.question(url, found, images)
        ask = functools.partial(ask_engine, engine, name, deadline) if name else None
        probes.append(Probe(url, found, images, platform, deadline, puller=puller, ask_engine=ask))
    reports = [wait() for wait in [_in_own_process(probe) for probe in probes]]
    of_hub = reports.pop() if hub else None
    for report in reports:
        for index, image in enumerate(report["images"]):
            expected = of_hub["images"][index]["digest"] if of_hub else None
            is_known = expected and image["digest"]
            image["same_as_hub"] = image["digest"] == expected if is_known else None
    return reports, of_hub


def complaints(reports: Sequence[Mapping[str, Any]], image_store: Optional[str]) -> List[str]:
    """Return a sentence for each mirror that is not used, or may not be, with the delay or the harm that it causes."""
    sentences = []
    for report in reports:
        url, reason = report["url"], report["reason"]
        if report["verdict"] == pull_rules.BREAKS_PULLS:
            text = "Pulls fail although Docker Hub has the image. Fix the mirror, or remove it from this engine"
            sentences.append(f"The mirror {url} breaks pulls: {reason}. {text}.")
        elif report["verdict"] is None:
            sentences.append(f"It is not known whether the engine can use the mirror {url}: {reason}.")
        elif report["verdict"] == pull_rules.NOT_USED:
            cost = f" {cautions.cost_of_silence(image_store)}" if report["silent"] else ""
            sentences.append(f"The mirror {url} cannot be used: {reason}.{cost}")
    return sentences
