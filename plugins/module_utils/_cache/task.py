# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The steps of the role ``registry_cache`` on a host: check, write, prove, put back.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import (
    certificate,
    model,
    plan,
    proof,
    report,
    snapshots,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._cache.snapshots import CacheHost, Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, transaction
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

LOCK_SECONDS = 10


class Decision(NamedTuple):
    """What a run must do, and what it must say."""

    snapshot: Snapshot
    plan: plan.Plan
    held: List[str]
    """Why the plan must wait, as sentences: an upstream does not answer."""
    warnings: List[str]

    @property
    def has_work(self) -> bool:
        return self.plan.has_work and not self.held

    def result(self) -> Dict[str, Any]:
        pending = "restart" if self.held else "none"
        return {**self.plan.result(), "has_work": self.has_work, "pending": pending, "pending_reasons": self.held}


def decide(host: CacheHost, wish: Optional[model.Wish]) -> Decision:
    """Read the host, plan, and ask the upstreams of caches that must start.

    :raises Refused: if the declared caches cannot work, or a new cache could not start now.
    :raises FileError: if a file cannot be read.
    """
    snapshot = snapshots.take(host, wish)
    found = _certificate(host, wish)
    made = plan.plan(snapshot, wish, host.keeper())
    warnings = plan.warnings(snapshot, wish, found, host.now()) if wish else []
    held = []
    for start in made.starts:
        upstream = model.upstream_of(start.registry)
        reason = host.silence(upstream, snapshots.proxies_of(snapshot.units[start.registry].environment))
        if reason and start.is_new:
            raise Refused(
                f"The cache of {start.registry} could not start, as its upstream does not answer: {reason}",
                "Run this again when it answers.",
            )
        if reason:
            why = ", ".join(start.reasons)
            held.append(
                f"The cache of {start.registry} must restart ({why}), but its upstream does not answer, and it would "
                f"not start: {reason}. Run this again when it answers."
            )
    return Decision(snapshot, made, held, [*warnings, *held])


def _certificate(host: CacheHost, wish: Optional[model.Wish]) -> Optional[certificate.Certificate]:
    if not wish or not wish.certificate or not wish.key:
        return None
    try:
        found = host.certificate(wish.certificate, wish.key, wish.name)
    except certificate.CertificateError as exc:
        advice = "Check registry_cache_certificate, registry_cache_key and registry_cache_name."
        raise Refused(str(exc), advice) from exc
    problem = certificate.problem(found, wish.certificate, host.now())
    if problem:
        raise Refused(problem, "Clients would refuse it. Renew it, and run this again.")
    return found


# -- writing ---------------------------------------------------------------------------------------------------------


def write(module: AnsibleModule, decision: Decision, *, keeps_previous: bool) -> None:
    """Write the files of a plan.

    :param keeps_previous: whether to keep what was there before, until the change is proved.
    :raises FileError: if a file cannot be written. Then all files are as they were, or the text says which are not.
    """
    edits: List[Tuple[str, Optional[bytes]]] = []
    if keeps_previous:
        edits.append((model.PREVIOUS, snapshots.previous_text(decision.plan.previous)))
    edits += decision.plan.writes.items()
    _write(module, edits)


def put_back(module: AnsibleModule, host: CacheHost) -> Dict[str, Any]:
    """Put back the files from before a change that was not proved, and return what must be restarted and stopped."""
    snapshot = snapshots.take(host, None)
    previous = snapshot.previous
    if previous is None:
        return {"has_work": False, "restart": [], "stop": []}
    _write(module, [*previous.files.items(), (model.PREVIOUS, None)])
    started = [registry for registry, unit in snapshot.units.items() if unit.is_wanted]
    return {
        "has_work": True,
        "restart": previous.running,
        "stop": [registry for registry in started if registry not in previous.running],
    }


def confirm(module: AnsibleModule, host: CacheHost) -> None:
    """Forget what was there before a change, as it is proved now."""
    if host.read(model.PREVIOUS) is not None:
        _write(module, [(model.PREVIOUS, None)])


def _write(module: AnsibleModule, edits: List[Tuple[str, Optional[bytes]]]) -> None:
    modes = {path: model.CONFIGURATION_MODE for path, _data in edits if os.path.dirname(path) == model.CONFIGURATIONS}
    folders = sorted({os.path.dirname(path) for path, _data in edits})
    with transaction.lock(folders, LOCK_SECONDS):
        change = transaction.Transaction(module, {**modes, model.PREVIOUS: 0o600})
        try:
            for path, data in edits:
                change.write(path, files.read(path), data)
        except FileError as exc:
            left = change.undo()
            if left:
                raise FileError(f"{exc.what}. Not put back: {'; '.join(left)}", exc.advice) from exc
            raise
        change.tidy()


# -- proving ---------------------------------------------------------------------------------------------------------


def prove(host: CacheHost, wish: model.Wish, seconds: float) -> List[str]:
    """Prove each declared cache by a pull, and return warnings.

    :raises proof.ProofError: if a cache is not proved.
    """
    warnings = []
    certificates = host.read(wish.certificate) if wish.certificate else None
    for instance in wish.instances:
        text = wish.check_images.get(instance.registry)
        target = proof.Target(
            wish.url(instance),
            certificates.decode(errors="replace") if certificates else None,
            images.of_registry(text, instance.registry) if text else None,
            None if instance.registry in wish.credentials else instance.upstream,
            snapshots.proxies_of(host.unit(instance.registry).environment),
            model.folder_of(wish.data, instance.registry),
        )
        try:
            proof.wait(target, seconds)
            reason = proof.pull(target, seconds)
        except proof.ProofError as exc:
            raise proof.ProofError(f"The cache {target.url} of {instance.registry} is not proved: {exc}") from exc
        warnings += [f"The cache {target.url} answers, but {reason}."] if reason else []
        warnings += report.keeper_warnings(host, wish.data, instance.registry)
    return warnings
