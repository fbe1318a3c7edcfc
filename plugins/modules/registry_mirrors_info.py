#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_info
short_description: Report which registry mirrors of a Docker Engine are configured, and which are in force
version_added: 0.1.0
description:
  - Compares the mirrors in the engine's C(daemon.json) and on its command line with the mirrors that the engine itself
    shows, as in C(docker system info).
  - The module does not fail if the engine is stopped, absent or hung, or if a file cannot be used. It returns the state
    and the reason.
  - Changes nothing and starts nothing.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._engine
  - pullthrough.docker._attributes
  - pullthrough.docker._attributes.info_module
  - pullthrough.docker._attributes.action_group
seealso:
  - module: pullthrough.docker.registry_mirrors
"""

EXAMPLES = r"""
- name: Read the mirrors
  pullthrough.docker.registry_mirrors_info:
  register: result

- name: Stop if the configured mirrors are not in force
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
  description:
    - The mirrors that the engine will use after its next start, spelled as the engine shows them.
    - V(null) if they cannot be read, or if they are configured in two places.
  returned: always
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
in_force:
  description: The mirrors that the engine itself shows now, or V(null) if no engine runs or it does not answer.
  returned: always
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
drift:
  description:
    - Whether the mirrors in force differ from the configured ones, or whether the drop-in of this collection is
      outdated.
    - V(null) if RV(mirrors) or RV(in_force) is not known.
  returned: always
  type: bool
  sample: false
drift_reasons:
  description: What differs.
  returned: always
  type: list
  elements: str
  sample: []
sources:
  description: The configuration file, and each other place that names mirrors.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description:
        - V(daemon_json) is the configuration file. The others are flags.
        - V(options_file) is a flag in an options file, V(systemd_drop_in) one in a unit or its drop-in.
        - V(command_line) is a flag in a place that the modules do not edit, such as the C(Environment) of a unit or a
          script that starts the engine, or a flag whose file was not found.
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
      description: The mirrors in this place, spelled as the engine shows them, or V(null) if they cannot be read.
      type: list
      elements: str
      sample: ["https://mirror.gcr.io/"]
    reason:
      description: Why the mirrors in this place cannot be read, and what to do, or V(null).
      type: str
last_change:
  description: When the newest of the files in RV(sources) was written, in UTC, or V(null) if there is none.
  version_added: 0.3.0
  returned: always
  type: str
  sample: "2026-01-31T12:00:00Z"
conflicts:
  description:
    - Settings that are in more than one place. The engine does not start with them.
    - Also a command line that systemd refuses.
  returned: always
  type: list
  elements: dict
  contains:
    setting:
      description: The setting, or V(command line) if systemd refuses the command line.
      type: str
      sample: registry-mirrors
    places:
      description: The places that have the setting.
      type: list
      elements: str
    message:
      description: What this means and what to do.
      type: str
  sample: []
cautions:
  description:
    - Why mirrors that are in force are not used, or are not safe. The module also prints them as warnings.
    - Also that C(hosts.toml) names another server than Docker Hub, or is not valid TOML.
  version_added: 0.3.0
  returned: always
  type: list
  elements: str
  sample: []
engine:
  description: The engine, as found on the host.
  returned: always
  type: dict
  contains:
    service:
      description: The unit or init script, as in O(service).
      type: str
      sample: docker
    state:
      description: One of V(running), V(starting), V(stopped), V(absent), V(unreachable), V(ambiguous).
      type: str
      sample: running
    reason:
      description: Why the state is not V(running), or V(null).
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
      description: Whether the engine is rootless.
      type: bool
      sample: false
    live_restore:
      description: Whether containers keep running when the engine restarts, or V(null) if the engine does not run.
      type: bool
      sample: false
    containers_running:
      description: Number of running containers, or V(null) if the engine does not run.
      type: int
      sample: 12
    swarm_active:
      description: Whether the engine is an active node of a swarm, or V(null) if the engine does not run.
      type: bool
      sample: false
    image_store:
      description: V(containerd) or V(graphdriver), or V(null) if the engine does not run.
      type: str
      sample: graphdriver
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import report, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
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
    except (FileError, Refused) as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
