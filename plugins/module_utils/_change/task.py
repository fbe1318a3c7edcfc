# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The task of a module that changes something: wish, snapshot, plan, execute, render.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Tuple, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._change import checks, guards, render
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import (
    AnyPlan,
    Decision,
    FilePlan,
    Outcome,
    Plan,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

if TYPE_CHECKING:
    from typing import Protocol

    from ansible.module_utils.basic import AnsibleModule

    class Planner(Protocol):
        """Makes a plan of a wish."""

        def snapshot(self, host: Host, wanted: Any) -> Any: ...

        def plan(self, seen: Any, wanted: Any) -> AnyPlan: ...

    class Kind(Planner, Protocol):
        """A kind of change that is a module: ``plan_mirrors`` or ``plan_settings``."""

        def wish(self, params: Mapping[str, Any]) -> Any: ...

        def in_force(self, made: Plan, engine: Engine) -> Any: ...

    class FileKind(Planner, Protocol):
        """A kind of change of files that no engine reads at a reload: ``plan_clients``."""

        def wish(self, params: Mapping[str, Any]) -> Any: ...

        def result(self, made: FilePlan, after: Any) -> Mapping[str, Any]: ...


def run(module: AnsibleModule, host: Host, kind: Kind) -> None:
    """Do the task of a module that changes an engine, and end it."""
    wish, ended = _done(module, host, kind)
    plan, engine = ended.plan, ended.engine
    if isinstance(plan, Plan) and engine:  # Only a refusal leaves them out.
        for warning in render.warnings(ended, plan, engine, wish.options):
            module.warn(warning)
        in_force = kind.in_force(plan, engine)
        module.exit_json(**render.result(ended, plan, engine, wish.options, in_force, check_mode=module.check_mode))


def run_on_files(module: AnsibleModule, host: Host, kind: FileKind) -> None:
    """Do the task of a module that changes files of clients without a process, and end it."""
    wish, ended = _done(module, host, kind)
    if isinstance(ended.plan, FilePlan):  # Only a refusal leaves it out.
        for warning in [*ended.plan.warnings, *ended.warnings]:
            module.warn(masking.mask(warning))
        after = kind.snapshot(host, wish)
        module.exit_json(**{**render.file_result(ended, ended.plan), **kind.result(ended.plan, after)})


def _done(module: AnsibleModule, host: Host, kind: Union[Kind, FileKind]) -> Tuple[Any, Outcome]:
    """Do what the module's options say. A refusal ends the module."""
    try:
        wish = kind.wish(module.params)
    except Refused as exc:
        module.fail_json(msg=render.failure(Outcome("untouched", None), exc), changed=False)
    ended = outcome(host, kind, wish, check_mode=module.check_mode)
    if ended.refusal:
        module.fail_json(msg=render.failure(ended, ended.refusal), changed=ended.state == "stuck")
    return wish, ended


def outcome(host: Host, kind: Planner, wish: Any, *, check_mode: bool) -> Outcome:
    """Do what must be done, or in check mode only find out whether it could be done."""

    def decide() -> Decision:
        return _decide(host, kind, wish)

    decision = decide()
    plan = decision.plan
    if plan is None:
        return Outcome("untouched", None, refusal=decision.refusal)
    has_leftovers = any(host.has_leftovers(edit.path) for edit in plan.edits)
    if check_mode or not (plan.has_work or has_leftovers):
        return checks.untouched(plan, *checks.check(host, plan, wish.options))
    # Imported only here: a run that changes nothing does not compile the code that writes.
    from ansible_collections.pullthrough.docker.plugins.module_utils._change import execute

    return execute.carry_out(host, decide, wish.options, plan)


def _decide(host: Host, kind: Planner, wish: Any) -> Decision:
    """Read the host and plan; a refusal is a value."""
    try:
        plan = kind.plan(kind.snapshot(host, wish), wish)
        if isinstance(plan, Plan):
            warnings = guards.refuse_flag_conflicts(plan, wish.options)
            plan = plan._replace(warnings=[*plan.warnings, *warnings])
    except (Refused, FileError) as exc:
        return Decision(None, exc)
    return Decision(plan)
