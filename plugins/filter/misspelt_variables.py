# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: misspelt_variables
short_description: Find variables that no role or playbook of this collection reads
version_added: 0.4.0
description:
  - All names that begin with C(docker_mirror_) belong to the role P(pullthrough.docker.docker_mirror#role),
    so each other name with this prefix is an error.
  - Other tools can use names that begin with C(configure_) or C(audit_). Such a name is an error only if it is similar
    to a variable of the playbooks.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description: Names of variables.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Stop if a variable is misspelt
  ansible.builtin.fail:
    msg: "{{ errors | join(' ') }}"
  when: errors | length > 0
  vars:
    errors: "{{ query('ansible.builtin.varnames', '^docker_mirror_') | pullthrough.docker.misspelt_variables }}"
"""

RETURN = r"""
_value:
  description: One sentence for each name that is wrong, with the name that was probably meant.
  type: list
  elements: str
"""

import difflib
import functools
import pathlib
import re

from typing import Any, Dict, List, Sequence, Tuple

ROLE = "docker_mirror_"
DEFAULTS = pathlib.Path(__file__).resolve().parents[2] / "roles/docker_mirror/defaults/main.yml"
PLAYBOOKS = (
    "audit_folder",
    "configure_canary_host",
    "configure_left_file",
    "configure_max_fail_percentage",
    "configure_skip_without_docker",
    "configure_waves",
)
"""The variables that only the playbooks read."""

SURE = 0.9
"""How similar a name that another tool could use must be to count as misspelt."""


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"misspelt_variables": misspelt_variables}


def misspelt_variables(names: Sequence[str]) -> List[str]:
    """Return one sentence for each name that is wrong; see RETURN."""
    wrong = [name for name in sorted(names) if name not in PLAYBOOKS and name not in _variables_of_role()]
    return [sentence for sentence in map(_sentence, wrong) if sentence]


@functools.lru_cache
def _variables_of_role() -> Tuple[str, ...]:
    return tuple(re.findall(rf"^({ROLE}\w+):", DEFAULTS.read_text(encoding="utf-8"), re.MULTILINE))


def _sentence(name: str) -> str:
    """Return what is wrong with a name, or an empty string if another tool may use it."""
    if not name.startswith(ROLE):
        meant = difflib.get_close_matches(name, PLAYBOOKS, n=1, cutoff=SURE)
        return f"There is no variable {name}; did you mean {meant[0]}?" if meant else ""
    # The prefix does not count. In 0.3.0, the variables of the playbooks had the one of the role.
    known = (*PLAYBOOKS, *_variables_of_role())
    variables = {re.sub(rf"^({ROLE}|configure_|audit_)", "", variable): variable for variable in known}
    meant = difflib.get_close_matches(name[len(ROLE) :], variables, n=1)
    if meant:
        return f"There is no variable {name}; did you mean {variables[meant[0]]}?"
    return (
        f"There is no variable {name}. Names that begin with {ROLE} belong to the role: rename yours, or use one "
        f"of these: {', '.join(_variables_of_role())}."
    )
