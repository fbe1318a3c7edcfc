# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What is asked before anything is written: would the engine refuse the plan, and has the user agreed?

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import guards
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import (
    AnyOptions,
    AnyPlan,
    Options,
    Outcome,
    Plan,
    Refusal,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host


def check(host: Host, plan: AnyPlan, options: AnyOptions) -> Tuple[Optional[Refusal], Sequence[str]]:
    """Return why the engine would refuse the plan, or which consent it lacks; and warnings. Files without an engine
    need neither."""
    if not isinstance(plan, Plan) or not isinstance(options, Options):
        return None, ()
    try:
        guards.refuse_generated_files(plan)
        if plan.reloads(options):
            guards.refuse_unread_file(plan.snapshot)
        if plan.has_work or plan.needs_restart:
            _refuse_what_engines_refuse(host, plan, options.timeout)
        return None, guards.refuse_without_consent(plan, options)
    except Refused as exc:
        return exc, ()


def untouched(plan: AnyPlan, refusal: Optional[Refusal], warnings: Sequence[str]) -> Outcome:
    """Return the outcome of a plan that was not carried out."""
    return Outcome("untouched", plan, plan.engine, refusal, warnings=warnings)


def _refuse_what_engines_refuse(host: Host, plan: Plan, timeout: float) -> None:
    engine = plan.snapshot.engine
    guards.refuse_by_version(plan, engine.version, host.installed_version(engine, timeout))
    argv = plan.argv if plan.needs_restart or not engine.process else engine.argv
    objection = host.objection(engine, argv, plan.config_edit.after or b"{}", timeout)
    if objection:
        raise Refused(plan.after.locate(objection).rstrip("."), "Fix it there and run this again.")
