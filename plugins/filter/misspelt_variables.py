# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: misspelt_variables
short_description: Find variables that no role or playbook of this collection reads
version_added: 0.4.0
description:
  - All names that begin with C(docker_mirror_) belong to the role P(pullthrough.docker.docker_mirror#role), and all
    that begin with C(registry_cache_) to the role P(pullthrough.docker.registry_cache#role), so each other name with
    such a prefix is an error.
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

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"
MIRROR = "docker_mirror_"
"""The prefix of the variables of the role docker_mirror."""

CACHE = "registry_cache_"
"""The prefix of those of the role registry_cache."""

PLAYBOOKS = (
    "audit_folder",
    "cache_and_clients_ca_file",
    "cache_and_clients_hosts",
    "configure_canary_host",
    "configure_hosts",
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
    known = (*PLAYBOOKS, *_variables_of(MIRROR), *_variables_of(CACHE))
    return [sentence for name in sorted(names) if name not in known for sentence in [_sentence(name)] if sentence]


@functools.lru_cache
def _variables_of(prefix: str) -> Tuple[str, ...]:
    """Return the variables of the role with this prefix."""
    text = (ROLES / prefix.rstrip("_") / "defaults/main.yml").read_text(encoding="utf-8")
    return tuple(re.findall(rf"^({prefix}\w+):", text, re.MULTILINE))


def _sentence(name: str) -> str:
    """Return what is wrong with a name, or an empty string if another tool may use it."""
    prefix = next((prefix for prefix in (MIRROR, CACHE) if name.startswith(prefix)), None)
    if prefix is None:
        meant = difflib.get_close_matches(name, PLAYBOOKS, n=1, cutoff=SURE)
        return f"There is no variable {name}; did you mean {meant[0]}?" if meant else ""
    # The prefix does not count. In 0.3.0, the variables of the playbooks had the one of the role docker_mirror.
    known = (*(PLAYBOOKS if prefix == MIRROR else ()), *_variables_of(prefix))
    variables = {re.sub(rf"^({prefix}|configure_|audit_)", "", variable): variable for variable in known}
    meant = difflib.get_close_matches(name[len(prefix) :], variables, n=1)
    if meant:
        return f"There is no variable {name}; did you mean {variables[meant[0]]}?"
    return (
        f"There is no variable {name}. Names that begin with {prefix} belong to the role: rename yours, or use one "
        f"of these: {', '.join(_variables_of(prefix))}."
    )
