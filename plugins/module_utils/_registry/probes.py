# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check several mirrors at once, over the route that the engine would use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
import time

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines, files
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import client, connection, images
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import cautions, certs_d, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

GRACE = 0.5
"""Seconds after the deadline in which a check can still report why it got no answer."""

MEMORY_LIMIT = 128 * 1024 * 1024
"""Bytes that the process of a check can hold in addition to what it starts with. The limits of each answer keep it far
below. This limit holds for what they do not foresee."""


def route(mirror: str, engine: engines.Engine, certificates: Mapping[str, str], certs_folder: str) -> connection.Route:
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
        proxies=engines.proxies(engine),
    )


class Probe:
    """Checks one registry in the background. Its time limit holds even if the system's resolver hangs."""

    def __init__(
        self, url: str, route: connection.Route, images: Sequence[images.Image], platform: str, deadline: float
    ) -> None:
        self._url = url
        self._is_hub = url == client.HUB
        self._images, self._platform = images, platform
        self._deadline = deadline
        self._registry = client.Registry(url, route, deadline)
        self._failure: Optional[connection.Failure] = None
        self._is_usable = False
        self._image_reports: List[Dict[str, Any]] = []
        self._rate_limit: Optional[Dict[str, Any]] = None
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Start the check in a thread, which is made only here: a fork marks threads that were made before as ended."""
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        if self._thread:
            self._thread.join(seconds)

    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def run(self) -> None:
        try:
            self._registry.check()
            self._is_usable = True
            if self._is_hub:
                self._rate_limit = self._registry.rate_limit()
            for image in self._images:
                self._image_reports.append(self._check_image(image))
        except connection.Failure as exc:
            self._failure = exc
        except BaseException as exc:  # noqa: BLE001  An exception that leaves the thread would be lost.
            self._failure = self._unexpected(exc)

    @property
    def seconds_left(self) -> float:
        return max(self._deadline - time.monotonic(), 0)

    def _check_image(self, image: images.Image) -> Dict[str, Any]:
        digest, reason = self._registry.digest(image)
        size = None
        if digest and not self._is_hub:  # Docker Hub counts the request for a size.
            size, reason = self._registry.size(image, digest, self._platform)
        return {"cached": digest is not None, "digest": digest, "size": size, "reason": reason}

    def result(self) -> Dict[str, Any]:
        """Wait until the check ends, at most until the deadline, and return the report."""
        self.join(max(self._deadline + GRACE - time.monotonic(), 0))
        is_alive = self.is_alive()  # Before the failure is read: the thread may set it and end at this moment.
        failure = self._failure
        if failure is None and is_alive:
            stage = self._registry.connector.stage
            failure = connection.Failure(stage, f"no answer in time (step: {stage})", is_silent=True)
        if failure is None and not self._is_usable:
            failure = connection.Failure(self._registry.connector.stage, "the check ended without a result")
        return self.report(failure)

    def report_unexpected(self, exc: BaseException) -> Dict[str, Any]:
        """Return the report of a check that ended with an exception that no registry should cause."""
        return self.report(self._unexpected(exc))

    def _unexpected(self, exc: BaseException) -> connection.Failure:
        text = f"the check failed with an unexpected error, {type(exc).__name__}: {connection.describe(exc)}"
        if isinstance(exc, MemoryError):
            text = f"the check needs more than {MEMORY_LIMIT // 1024**2} MiB of memory to read its answer"
        return connection.Failure(self._registry.connector.stage, text)

    def report(self, failure: Optional[connection.Failure]) -> Dict[str, Any]:
        """Return what is known so far, with the reason of a failure. All strings in it are safe to show."""
        registry, connector = self._registry, self._registry.connector
        checked = list(self._image_reports)  # The thread may still add to it.
        unchecked = {"cached": None, "digest": None, "size": None, "reason": str(failure)}
        report: Dict[str, Any] = masking.mask_all(
            {
                "url": self._url,
                "usable": self._is_usable,
                "reason": str(failure) if failure else None,
                "failed_at": failure.stage if failure else None,
                "silent": failure is not None and failure.is_silent,
                "proxy": connector.proxy,
                "addresses": connector.addresses,
                "tls": connector.tls,
                "status": registry.status,
                "authentication": registry.authentication,
                "redirected_to": registry.redirected_to,
                "latency_ms": None if registry.latency is None else round(registry.latency * 1000, 1),
                "images": checked + [unchecked] * (len(self._images) - len(checked)),
                **({"rate_limit": self._rate_limit} if self._is_hub else {}),
            }
        )
        # The names of images come from the task, and are valid. One like a/token:1 must not be masked.
        named = [{"image": image.text, **result} for image, result in zip(self._images, report["images"])]
        return {**report, "images": named}


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
            return probe.report(connection.Failure("http", _why_no_report(status)))
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
) -> Tuple[List[Dict[str, Any]], Optional[Dict[str, Any]]]:
    """Check all mirrors at once, and Docker Hub on request. Return the reports of the mirrors, and Docker Hub's.

    :param mirrors: as the engine shows them.
    :param timeout: seconds for all of them together.
    """
    deadline = time.monotonic() + timeout
    urls = [*mirrors, *([client.HUB] if hub else [])]
    probes = [Probe(url, route(url, engine, certificates, certs_folder), images, platform, deadline) for url in urls]
    reports = [wait() for wait in [_in_own_process(probe) for probe in probes]]
    of_hub = reports.pop() if hub else None
    for report in reports:
        for index, image in enumerate(report["images"]):
            expected = of_hub["images"][index]["digest"] if of_hub else None
            is_known = expected and image["digest"]
            image["same_as_hub"] = image["digest"] == expected if is_known else None
    return reports, of_hub


def complaints(reports: Sequence[Mapping[str, Any]], image_store: Optional[str]) -> List[str]:
    """Return a sentence for each mirror that cannot be used, with the delay that it causes."""
    sentences = []
    for report in reports:
        if not report["usable"]:
            cost = f" {cautions.cost_of_silence(image_store)}" if report["silent"] else ""
            sentences.append(f"The mirror {report['url']} cannot be used: {report['reason']}.{cost}")
    return sentences
