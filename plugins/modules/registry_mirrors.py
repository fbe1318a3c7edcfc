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
  - Edits C(registry-mirrors) in the engine's C(daemon.json), or another place from which the engine takes mirrors.
    Then makes the engine reload it, and waits until the mirrors are in force, that is, until C(docker system info)
    shows them. A reload stops no container.
  - Every run compares the file with what the engine uses, and fixes whichever side differs.
  - If the engine would refuse the change, the module fails before it writes anything. If the engine still refuses the
    change, the module puts the files and the engine back.
  - Every other byte of the files stays as it is.
  - The module never restarts an engine. If only a restart helps, RV(pending) is V(restart). The role
    P(pullthrough.docker.docker_mirror#role) then restarts the service.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._engine
  - pullthrough.docker._change
  - pullthrough.docker._files
  - pullthrough.docker._attributes
  - pullthrough.docker._attributes.change
  - pullthrough.docker._attributes.action_group
options:
  mirrors:
    description:
      - URLs of the mirrors, in the order in which the engine asks them, such as V(https://mirror.gcr.io).
      - A URL is C(http) or C(https), a host, and optionally a port. A path needs Docker Engine 24.0.8 or later. A
        user, a password, a query or a fragment is refused, also by the engine.
      - V(https://mirror.gcr.io) and V(https://mirror.gcr.io/) are the same mirror.
      - An empty string in the list of the configuration file is not a mirror, and no engine accepts it. The module
        takes it out, whatever O(state) is, and warns.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) makes the engine use the mirrors.
      - V(absent) makes the engine stop using the mirrors in O(mirrors). Other mirrors stay, unless O(exclusive=true).
        If the configuration file has nothing else, it stays as an empty object.
      - The key goes with its last mirror. If the file had an empty list before an earlier run added a mirror, the list
        does not come back. For the engine, an empty list and no key are the same at its next start.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), whether the engine uses only these mirrors, in this order. O(mirrors=[]) then means no
        mirror.
      - If V(false), mirrors that are already configured stay where they are, and missing ones are added at the end.
      - With O(state=absent), V(true) removes all mirrors from every place, whatever O(mirrors) names.
    type: bool
    default: false
  source:
    description:
      - Where to keep the mirrors. An engine takes them from only one place. With two places it does not start, so the
        module refuses a second place.
      - V(daemon_json) is C(registry-mirrors) in the engine's configuration file. It takes effect after a reload, which
        stops no container.
      - V(options_file) is C(--registry-mirror) in a variable of an options file, such as C(DOCKER_OPTS) in
        C(/etc/default/docker). The module refuses it if the service does not read such a file, as with Docker's own
        packages under systemd.
      - V(systemd_drop_in) is C(--registry-mirror) in a drop-in of this collection, C(zz-pullthrough-docker.conf). The
        drop-in repeats the unit's own command line. If that command line changes, the next run updates the drop-in.
      - Flags take effect only after a restart.
    type: str
    choices: [daemon_json, options_file, systemd_drop_in]
    default: daemon_json
    version_added: 0.2.0
  migrate:
    description:
      - Whether to move mirrors from the other places to O(source). If V(false), the module refuses mirrors in other
        places.
      - The module removes them from the old places before it writes the new one, so they are never in both.
    type: bool
    default: false
    version_added: 0.2.0
  options_file:
    description:
      - With O(source=options_file), the options file. The service must read this file.
      - If not set, the file that sets the variable last, else the one that is called like the service, else the last
        that the unit reads, or the one of the init script. Files below C(/run) do not count.
    type: path
    version_added: 0.2.0
  options_variable:
    description:
      - With O(source=options_file), the variable in that file. The service must use this variable.
      - If not set, C(DOCKER_OPTS), C(OPTIONS) or C(other_args) if the unit's command line has one of them, else the
        last variable there, or the variable of the init script.
    type: str
    version_added: 0.2.0
  ca_certificates:
    description:
      - CA certificates for mirrors whose certificates the host does not trust. Each key is the host of a mirror as in
        its URL, with the port if the URL has one. Each value is the text of one or more certificates in PEM.
      - The module writes them where the engine reads them, which is C(certs.d/HOST/), or C(certs.d/docker.io/) for
        Docker Engine 28 and later with the containerd image store. The engine reads them at every pull.
      - With O(state=absent), the module removes the certificates of these mirrors.
    type: dict
    default: {}
    version_added: 0.2.0
seealso:
  - module: pullthrough.docker.daemon_config
  - module: pullthrough.docker.registry_mirrors_info
  - name: Run a Docker Hub pull-through cache
    description: How to run your own registry mirror.
    link: https://docs.docker.com/docker-hub/image-library/mirror/
"""

EXAMPLES = r"""
- name: Use Google's public cache of Docker Hub
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io

- name: Use only these two mirrors, in this order
  pullthrough.docker.registry_mirrors:
    mirrors:
      - https://cache.example.com
      - https://mirror.gcr.io
    exclusive: true

- name: Stop using a mirror
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io
    state: absent

- name: Use no mirror at all, and remove all mirrors from every place
  pullthrough.docker.registry_mirrors:
    mirrors: []
    state: absent
    exclusive: true

- name: Move the mirrors to DOCKER_OPTS, even if the restart will stop containers
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io
    source: options_file
    migrate: true
    keep_containers: false

- name: Use a mirror with a certificate of our own CA
  pullthrough.docker.registry_mirrors:
    mirrors: https://cache.example.com
    ca_certificates:
      cache.example.com: "{{ lookup('ansible.builtin.file', 'our-ca.crt') }}"

- name: Write the file now, and let the engine read it at its next start
  pullthrough.docker.registry_mirrors:
    mirrors: https://mirror.gcr.io
    reload: false
    backup: true
"""

RETURN = r"""
source:
  description: Where the mirrors are kept, as in O(source).
  returned: success
  type: str
  sample: daemon_json
path:
  description: The file in which the mirrors are kept.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
mirrors:
  description:
    - The mirrors that are configured after the change, or in check mode would be.
    - They are spelled as the engine shows them, with one final slash.
  returned: success
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
previous_mirrors:
  description: The mirrors that were configured before the change.
  returned: success
  type: list
  elements: str
  sample: []
in_force:
  description:
    - The mirrors that the engine itself showed last, or V(null) if no engine runs.
    - After a change, this is what the engine answered. In check mode, it is what the engine uses now.
  returned: success
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
reloaded:
  description: Whether the module made the engine reload its configuration, or in check mode would.
  returned: success
  type: bool
  sample: true
pending:
  description: What is still needed to bring the mirrors into force. One of V(none), V(reload), V(restart).
  returned: success
  type: str
  sample: none
pending_reasons:
  description: Why RV(pending) is not V(none). In check mode, also what only the engine can decide.
  returned: success
  type: list
  elements: str
  sample: []
backups:
  description: The files that changed and of which the module kept a copy.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file that changed.
      type: str
      sample: /etc/docker/daemon.json
    backup_file:
      description: The copy of the old file, or V(null) if there was no file.
      type: str
      sample: /etc/docker/daemon.json.4711.2026-01-31@23:59:59~
    checksum:
      description:
        - SHA-256 of what this task wrote. It shows whether someone changed the file later.
        - Empty if the task removed the file.
      type: str
  sample: []
engine:
  description: The engine, as found on the host.
  returned: success
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
diff:
  description: One entry for each file that changes, and one with the header C(engine) if the mirrors in force change.
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
