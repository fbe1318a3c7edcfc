#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_info
short_description: Tell which registry mirrors a Docker Engine is configured with, and which are in force
version_added: 0.1.0
description:
  - Compares what the engine's C(daemon.json) and command line say with what the engine itself says, as C(docker system info) shows it.
  - An engine that is stopped, absent, hung or unreadable, and a file that cannot be used, are data with a reason, and no failure.
  - Changes nothing and starts nothing.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker.engine
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed, or in check mode would change.
    support: N/A
seealso:
  - module: pullthrough.docker.registry_mirrors
"""

EXAMPLES = r"""
- name: Look at the mirrors
  pullthrough.docker.registry_mirrors_info:
  register: result

- name: Stop unless the configured mirrors are in force
  ansible.builtin.assert:
    that: result.drift == false
    fail_msg: "{{ result.drift_reasons | join(' ') or result.engine.reason | default('unknown', true) }}"
"""

RETURN = r"""
path:
  description: The engine's configuration file.
  returned: always
  type: str
  sample: /etc/docker/daemon.json
mirrors:
  description: The configured mirrors, spelled as the engine shows them, or V(null) when they cannot be read or contradict each other.
  returned: always
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
in_force:
  description: The mirrors that the engine uses, or V(null) when no engine is running.
  returned: always
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
drift:
  description: Whether the mirrors in force are other than the configured ones, or V(null) when one of both is unknown.
  returned: always
  type: bool
  sample: false
drift_reasons:
  description: What differs, in sentences.
  returned: always
  type: list
  elements: str
  sample: []
sources:
  description: The places that can name mirrors.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description:
        - V(daemon_json), or for flags V(options_file), V(systemd_drop_in) (a unit or its drop-in), or V(command_line).
        - V(command_line) is a flag in a place that the modules do not edit, such as the C(Environment) of a unit or a
          script that starts the engine, or one whose file was not found.
      type: str
      sample: daemon_json
    path:
      description: The file, or V(null) for a flag whose file was not found.
      type: str
      sample: /etc/docker/daemon.json
    line:
      description: The line that names mirrors, or V(null).
      type: int
      sample: 3
    mirrors:
      description: The mirrors that it names, spelled as the engine shows them, or V(null) when they cannot be read.
      type: list
      elements: str
      sample: ["https://mirror.gcr.io/"]
    reason:
      description: Why they cannot be read, or V(null).
      type: str
last_change:
  description: When the latest of these files was written, in UTC, or V(null) where there is none.
  returned: always
  type: str
  sample: "2026-01-31T12:00:00Z"
conflicts:
  description: Settings that two places name, with which an engine does not start.
  returned: always
  type: list
  elements: dict
  contains:
    setting:
      description: The setting.
      type: str
      sample: registry-mirrors
    places:
      description: The places that name it.
      type: list
      elements: str
    message:
      description: What it means and what to do.
      type: str
  sample: []
cautions:
  description:
    - Why mirrors that are in force are not used or not safe here, in sentences; also given as warnings.
    - Added in version 0.3.0.
  returned: always
  type: list
  elements: str
  sample: []
engine:
  description: The engine as the host shows it.
  returned: always
  type: dict
  contains:
    service:
      description: The unit or init script that was asked for.
      type: str
      sample: docker
    state:
      description: One of V(running), V(starting), V(stopped), V(absent), V(unreachable), V(ambiguous).
      type: str
      sample: running
    reason:
      description: Why it is not V(running), or V(null).
      type: str
    version:
      description: Version of the running engine, or V(null).
      type: str
      sample: 28.5.2
    pid:
      description: Process id of the engine, or V(null).
      type: int
      sample: 712
    rootless:
      description: Whether it is a rootless engine.
      type: bool
      sample: false
    live_restore:
      description: Whether its containers outlive a restart, or V(null) when it is not running.
      type: bool
      sample: false
    containers_running:
      description: Number of running containers, or V(null) when it is not running.
      type: int
      sample: 12
    swarm_active:
      description: Whether it is an active node of a swarm, or V(null) when it is not running.
      type: bool
      sample: false
    image_store:
      description: V(containerd) or V(graphdriver), or V(null) when it is not running.
      type: str
      sample: graphdriver
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import report, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "service": {"type": "str", "default": "docker"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    options: Dict[str, Any] = module.params
    host = Host(module)
    try:
        snapshot = snapshots.take(host, options["service"], options["path"], options["timeout"])
        result, warnings = report.report(host, snapshot)
    except FileError as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
