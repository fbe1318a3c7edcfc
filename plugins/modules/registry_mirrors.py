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
  - Edits C(registry-mirrors) in the engine's C(daemon.json), or another place that the engine takes mirrors from, makes the engine reload it,
    and waits until the mirrors are in force, that is, until C(docker system info) shows them. A reload touches no container.
  - Every run compares what the file says with what the engine uses, and mends the difference whichever side it is on.
  - What the engine would refuse is refused before anything is written. Where the engine itself refuses the change, file and engine are put back.
  - Every byte of the files that need not change stays as it is.
  - The module never restarts an engine. Where only a restart helps it says so in RV(pending), which the role P(pullthrough.docker.docker_mirror#role)
    acts on.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker.engine
  - pullthrough.docker.change
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
  source:
    description:
      - Where to keep the mirrors. An engine takes them from one place alone. With two of them it does not start, so a second place is refused.
      - V(daemon_json) is C(registry-mirrors) in the engine's configuration file. A reload brings it into force, so no container stops for it.
      - V(options_file) is C(--registry-mirror) in a variable of an options file, such as C(DOCKER_OPTS) in C(/etc/default/docker). It is refused
        where the service does not read such a file, as with Docker's own packages under systemd.
      - V(systemd_drop_in) is C(--registry-mirror) in a drop-in of this collection, C(zz-pullthrough-docker.conf). It repeats the unit's own command
        line, and is written anew when that changes.
      - Flags come into force by a restart alone.
    type: str
    choices: [daemon_json, options_file, systemd_drop_in]
    default: daemon_json
    version_added: 0.2.0
  migrate:
    description:
      - Whether to take the mirrors out of the other places in the same step, and keep them in O(source), instead of refusing.
      - They leave the old places before they reach the new one, so that no instant has them in both.
    type: bool
    default: false
    version_added: 0.2.0
  options_file:
    description:
      - With O(source=options_file), the options file. It must be one that the service reads.
      - Without it, it is the last one that the unit reads, or the one of the init script.
    type: path
    version_added: 0.2.0
  options_variable:
    description:
      - With O(source=options_file), the variable. It must be one that the service uses.
      - Without it, it is the last one on the unit's command line, or the one of the init script.
    type: str
    version_added: 0.2.0
  ca_certificates:
    description:
      - CA certificates for mirrors whose certificates the host does not trust. The keys are hosts as the mirrors' URLs have them, with the
        port if there is one. The values are one or more certificates in PEM.
      - They are kept where the engine reads them, which is C(certs.d/HOST/), and with the containerd image store since Docker Engine 28
        C(certs.d/docker.io/). An engine reads them at every pull.
      - With O(state=absent), those of the mirrors that go are removed.
    type: dict
    default: {}
    version_added: 0.2.0
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
      - Passwords and tokens in the files are masked.
seealso:
  - module: pullthrough.docker.daemon_config
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

- name: Keep the mirrors in DOCKER_OPTS, wherever they stand now, even if containers stop for the restart
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io
    source: options_file
    migrate: true
    keep_containers: false

- name: Use a mirror whose certificate comes from a CA of our own
  pullthrough.docker.registry_mirrors:
    mirrors: https://cache.example.com
    ca_certificates:
      cache.example.com: "{{ lookup('ansible.builtin.file', 'our-ca.crt') }}"

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
  description: The file of that place.
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
      description: SHA-256 of what this task wrote, to see whether the file still holds it. Empty where it removed the file.
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
  description: One entry for each file that changes, and one headed C(engine) when the mirrors in force change.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import model, plan_mirrors, task
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **model.SPEC,
            "mirrors": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "exclusive": {"type": "bool", "default": False},
            "source": {
                "type": "str",
                "choices": ["daemon_json", "options_file", "systemd_drop_in"],
                "default": "daemon_json",
            },
            "migrate": {"type": "bool", "default": False},
            "options_file": {"type": "path"},
            "options_variable": {"type": "str"},
            "ca_certificates": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    task.run(module, Host(module), plan_mirrors)


if __name__ == "__main__":
    main()
