# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The task of a module that changes something: wish, snapshot, plan, execute, render.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from ansible_collections.pullthrough.docker.plugins.module_utils._change import checks, guards, render
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Decision, Options, Outcome, Plan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host

if TYPE_CHECKING:
    from typing import Protocol

    from ansible.module_utils.basic import AnsibleModule

    class Kind(Protocol):
        """A kind of change: ``plan_mirrors`` or ``plan_settings``."""

        def wish(self, params: Mapping[str, Any]) -> Any: ...

        def snapshot(self, host: Host, wanted: Any) -> Snapshot: ...

        def plan(self, seen: Snapshot, wanted: Any) -> Plan: ...

        def in_force(self, made: Plan, engine: Engine) -> Any: ...


def run(module: AnsibleModule, host: Host, kind: Kind) -> None:
    """Do the task of a module and end it."""
    try:
        wish = kind.wish(module.params)
    except Refused as exc:
        module.fail_json(msg=render.failure(Outcome("untouched", None), exc), changed=False)
    outcome = _outcome(host, lambda: _decide(host, kind, wish), wish.options, check_mode=module.check_mode)
    if outcome.refusal:
        module.fail_json(msg=render.failure(outcome, outcome.refusal), changed=outcome.state == "stuck")
    plan, engine = outcome.plan, outcome.engine
    if plan and engine:  # Only a refusal leaves them out.
        for warning in render.warnings(outcome, plan, engine, wish.options):
            module.warn(warning)
        in_force = kind.in_force(plan, engine)
        module.exit_json(**render.result(outcome, plan, engine, wish.options, in_force, check_mode=module.check_mode))


def _outcome(host: Host, decide: Callable[[], Decision], options: Options, *, check_mode: bool) -> Outcome:
    """Do what must be done, or in check mode only find out whether it could be done."""
    decision = decide()
    plan = decision.plan
    if plan is None:
        return Outcome("untouched", None, refusal=decision.refusal)
    has_leftovers = any(host.has_leftovers(edit.path) for edit in plan.edits)
    if check_mode or not (plan.has_work or has_leftovers):
        return checks.untouched(plan, *checks.check(host, plan, options))
    # Imported only here: a run that changes nothing does not compile the code that writes.
    from ansible_collections.pullthrough.docker.plugins.module_utils._change import execute

    return execute.carry_out(host, decide, options, plan)


def _decide(host: Host, kind: Kind, wish: Any) -> Decision:
    """Read the host and plan; a refusal is a value."""
    try:
        plan = kind.plan(kind.snapshot(host, wish), wish)
        warnings = guards.refuse_flag_conflicts(plan, wish.options)
    except (Refused, FileError) as exc:
        return Decision(None, exc)
    return Decision(plan._replace(warnings=[*plan.warnings, *warnings]))
