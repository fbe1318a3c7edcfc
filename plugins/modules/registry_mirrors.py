#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors
short_description: Declare the registry mirrors that a Docker Engine uses
version_added: 0.1.0
description:
  - Edits C(registry-mirrors) in the engine's C(daemon.json), makes the engine reload it, and waits until the mirrors are in force,
    that is, until C(docker system info) shows them. A reload touches no container.
  - Every run compares what the file says with what the engine uses, and mends the difference whichever side it is on.
  - What the engine would refuse is refused before anything is written. Where the engine itself refuses the change, file and engine are put back.
  - Every byte of the file that need not change stays as it is.
  - The module never restarts an engine. Where only a restart helps it says so in RV(pending), which the role P(pullthrough.docker.docker_mirror#role)
    acts on.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker.engine
options:
  mirrors:
    description:
      - URLs of the mirrors, in the order in which the engine is to try them, such as V(https://mirror.gcr.io).
      - C(http) or C(https), a host, and perhaps a port. A path needs Docker Engine 24.0.8 or later. User, password, query and fragment are refused,
        by the engine too.
      - V(https://mirror.gcr.io) and V(https://mirror.gcr.io/) are the same mirror.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) makes the engine use the mirrors.
      - V(absent) makes sure that it does not use them. A configuration file that held nothing else stays, as an empty object.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), whether the engine is to use these mirrors and no others, in this order. O(mirrors=[]) then means none.
      - Without it, mirrors that the file names already keep their place, and missing ones are added at the end.
    type: bool
    default: false
  reload:
    description:
      - Whether to make the engine reload its configuration, by SIGHUP to its process, and wait until the mirrors are in force.
      - Without it, RV(pending) says V(reload) while they are not.
    type: bool
    default: true
  keep_containers:
    description:
      - Whether to refuse a change that only a restart can bring into force while that restart would stop running containers.
    type: bool
    default: true
  backup:
    description:
      - Whether to keep a copy of the file, with a time stamp in its name, when it changes.
      - A copy is also kept whenever RV(pending) is V(restart), so that the change can be taken back when that restart fails.
    type: bool
    default: false
  unsafe_writes:
    description:
      - Whether to write into the file where it cannot be replaced at once, such as a file that is mounted by itself into a container.
      - A crash may then leave half a file.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
    support: full
    details:
      - What only the engine can say when it reloads is named in RV(pending_reasons).
  diff_mode:
    description: Returns details on what has changed, or in check mode would change.
    support: full
    details:
      - Passwords and tokens in the file are masked.
seealso:
  - module: pullthrough.docker.registry_mirrors_info
  - name: Run a Docker Hub pull-through cache
    description: How to run a registry mirror of your own.
    link: https://docs.docker.com/docker-hub/image-library/mirror/
"""

EXAMPLES = r"""
- name: Use Google's public cache of Docker Hub
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io

- name: Use these two mirrors, in this order, and no others
  pullthrough.docker.registry_mirrors:
    mirrors:
      - https://cache.example.com
      - https://mirror.gcr.io
    exclusive: true

- name: Stop using a mirror
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io
    state: absent

- name: Use no mirror at all
  pullthrough.docker.registry_mirrors:
    mirrors: []
    exclusive: true

- name: Write the file now and let the engine take it up at its next start
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io
    reload: false
    backup: true
"""

RETURN = r"""
source:
  description: Where the mirrors are kept.
  returned: success
  type: str
  sample: daemon_json
path:
  description: The engine's configuration file.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
mirrors:
  description: The mirrors that are configured now, spelled as the engine shows them, with one final slash.
  returned: success
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
previous_mirrors:
  description: The mirrors that were configured before.
  returned: success
  type: list
  elements: str
  sample: []
in_force:
  description: The mirrors that the engine uses now, or V(null) when no engine is running.
  returned: success
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
reloaded:
  description: Whether the engine was made to reload its configuration.
  returned: success
  type: bool
  sample: true
pending:
  description: What it still takes to bring the mirrors into force. One of V(none), V(reload), V(restart).
  returned: success
  type: str
  sample: none
pending_reasons:
  description: Why, in sentences; in check mode also what only the engine can say.
  returned: success
  type: list
  elements: str
  sample: []
backups:
  description: The files that changed and for which a copy was kept.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file that was changed.
      type: str
      sample: /etc/docker/daemon.json
    backup_file:
      description: The copy of what it was, or V(null) when it was not there.
      type: str
      sample: /etc/docker/daemon.json.4711.2026-01-31@23:59:59~
    checksum:
      description: SHA-256 of what this task wrote, to see whether the file still holds it.
      type: str
  sample: []
engine:
  description: The engine as the host shows it.
  returned: success
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
diff:
  description: One entry for the file when it changes, and one headed C(engine) when the mirrors in force change.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import MirrorChange, Refused


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mirrors": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "exclusive": {"type": "bool", "default": False},
            "path": {"type": "path"},
            "service": {"type": "str", "default": "docker"},
            "reload": {"type": "bool", "default": True},
            "keep_containers": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 10},
            "backup": {"type": "bool", "default": False},
            "unsafe_writes": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = MirrorChange(module).run()
    except Refused as exc:
        module.fail_json(msg=str(exc), changed=exc.changed)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
