# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Let the engine log at level debug for a while. This is a change like any other, which is then taken back.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib

from typing import Iterator, List, NamedTuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import plan_settings, render, task
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Edit, Options, Outcome, Plan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import NotDone
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host

KEY = "debug"


@contextlib.contextmanager
def turned_on(host: Host, options: Options, seen: Snapshot) -> Iterator[List[str]]:
    """Turn the debug log on for the block, and put the file and the engine back after it. Yield warnings.

    It does nothing if the engine does not run, or logs at level debug already.

    :param seen: the host before.
    :raises NotDone: when the level cannot be changed, or not be changed back.
    """
    info = seen.engine.info
    if info is None or info.settings.get(KEY) is True:
        yield []
        return
    outcome = task.outcome(host, plan_settings, plan_settings.Wish(options, {KEY: True}, []), check_mode=False)
    if outcome.refusal or not isinstance(outcome.plan, Plan):
        raise NotDone(f"The debug log cannot be turned on. {_why(outcome)}", is_changed=outcome.state == "stuck")
    kind, before = _TakenBack(outcome.plan.config_edit), seen.config.settings
    back = {KEY: before[KEY]} if KEY in before else {}
    try:
        yield [*outcome.plan.warnings, *outcome.warnings]
    finally:
        wish = plan_settings.Wish(options, back, [] if back else [KEY])
        outcome = task.outcome(host, kind, wish, check_mode=False)
        if outcome.refusal:
            raise NotDone(f"The debug log is still on: it cannot be turned off. {_why(outcome)}", is_changed=True)


class _TakenBack(NamedTuple):
    """The kind of change that takes back an edit: with every byte if the file still holds what the edit wrote."""

    edit: Edit

    def snapshot(self, host: Host, wanted: plan_settings.Wish) -> Snapshot:
        return plan_settings.snapshot(host, wanted)

    def plan(self, seen: Snapshot, wanted: plan_settings.Wish) -> Plan:
        made = plan_settings.plan(seen, wanted)
        if made.config_edit.before != self.edit.after:
            return made
        return made._replace(edits=[self.edit._replace(before=self.edit.after, after=self.edit.before)])


def _why(outcome: Outcome) -> str:
    return render.failure(outcome, outcome.refusal) if outcome.refusal else ""
