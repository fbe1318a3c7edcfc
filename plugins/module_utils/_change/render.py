# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a module tells about an outcome. Only this module says whether anything changed.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import (
    Edit,
    FilePlan,
    Options,
    Outcome,
    Plan,
    Refusal,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.shown import shown, shown_value
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url, setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def failure(outcome: Outcome, refusal: Refusal) -> str:
    """Return the message of an outcome that is a failure: what is wrong, how the host is, and what to do."""
    sentences = [f"{refusal.what.rstrip('.')}.", *_host_after(outcome), refusal.advice]
    return masking.mask(" ".join(filter(None, sentences)), masking.MESSAGE_LIMIT)


def _host_after(outcome: Outcome) -> List[str]:
    if outcome.state == "untouched":
        return ["Nothing was changed."]
    if outcome.state == "undone" and isinstance(outcome.plan, Plan):
        path, before = outcome.plan.config_edit.path, shown(outcome.plan.settings_before)
        return [f"{path} and what is in force are as they were ({before}); no container was touched."]
    problems = "; ".join(outcome.problems) or "something else changed it meanwhile"
    states = "; ".join(f"{name} is {state}" for name, state in outcome.states)
    copies = " and ".join(outcome.copies)
    return [
        f"Going back did not succeed: {problems}.",
        f"Now {states}.",
        f"What the files held before is in {copies}." if copies else "",
        "The engine's log says more." if any(name == "the engine" for name, _state in outcome.states) else "",
    ]


def result(
    outcome: Outcome, plan: Plan, engine: Engine, options: Options, in_force: Any, *, check_mode: bool
) -> Dict[str, Any]:
    """Return what the module returns: after the work, or in check mode what it would be.

    :param in_force: what the engine uses, as it answered last.
    """
    reloads = plan.reloads(options)
    pending, reasons = plan.activation.pending, plan.activation.reasons
    if reloads:
        pending = "none"
        reasons = ["Only the engine can say whether it accepts the file when it reloads."] if check_mode else []
    diff = [_diff_of(edit) for edit in plan.edits if edit.changes]
    return {
        "changed": plan.writes or reloads,
        "path": plan.config_edit.path,
        "reloaded": reloads,
        "pending": pending,
        "pending_reasons": [masking.mask(reason) for reason in reasons],
        "backups": list(outcome.backups),
        "in_force": in_force,
        "engine": engine.facts(),
        "diff": [*diff, *([_diff_of_engine(plan)] if reloads else [])],
        **plan.result,
    }


def file_result(outcome: Outcome, plan: FilePlan) -> Dict[str, Any]:
    """Return what a module returns that only changes files: after the work, or in check mode what it would be."""
    return {
        "changed": plan.writes,
        "backups": list(outcome.backups),
        "diff": [_diff_of(edit) for edit in plan.edits if edit.changes],
        **plan.result,
    }


def warnings(outcome: Outcome, plan: Plan, engine: Engine, options: Options) -> List[str]:
    """Return the warnings of an outcome that is not a failure."""
    found = [*plan.warnings, *outcome.warnings]
    if plan.snapshot.user != 0 and engine.process is None and plan.snapshot.start.reader is None:
        found.append(_no_rootless_engine(plan.snapshot.user))
    if engine.is_others:
        found.append(f"The engine is {engine.state}: {engine.reason}.")
    found += plan.snapshot.cautions(mirror_url.engine_list(plan.after.listed), plan.after.insecure)
    if plan.reloads(options):
        found += plan.activation.warnings
    return [masking.mask(warning) for warning in found]


def _no_rootless_engine(user: int) -> str:
    return (
        f"This is about the rootless engine of the user who ran the task (uid {user}), who has none yet. "
        "For the root engine of the host, run the task as root (become: true)."
    )


def _diff_of(edit: Edit) -> Dict[str, str]:
    return {
        "before_header": edit.path,
        "after_header": edit.path,
        "before": _masked(edit.before),
        "after": _masked(edit.after),
    }


def _masked(data: Optional[bytes]) -> str:
    return masking.mask_json((data or b"").decode(errors="replace"))


def _diff_of_engine(plan: Plan) -> Dict[str, str]:
    before = plan.settings_before
    after = {key: value for key, value in plan.wanted.items() if key in before}
    return {
        "before_header": "engine",
        "after_header": "engine",
        "before": _lines(before),
        "after": _lines(after),
    }


def _lines(settings: Dict[str, Any]) -> str:
    """Return settings a line each, and mirrors a line each, as they are the common case."""
    lines: List[str] = []
    for key, value in settings.items():
        if key == setting_table.MIRRORS:
            lines += mirror_url.shown_list(value)
        else:
            lines.append(masking.mask(f"{key}: {shown_value(value)}"))
    return "".join(f"{line}\n" for line in lines)
