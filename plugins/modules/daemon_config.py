#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_config
short_description: Change settings of a Docker Engine's configuration file
version_added: 0.2.0
description:
  - Edits keys of the engine's C(daemon.json), with the same rules as M(pullthrough.docker.registry_mirrors). Every
    other byte stays as it is. If the engine would refuse the change, the module fails before it writes anything. The
    change takes effect after a reload, which stops no container.
  - After a reload, the module waits for the reload event of the engine, and for the values that C(docker system info)
    shows.
  - The module never restarts an engine. If only a restart helps, RV(pending) is V(restart). The role
    P(pullthrough.docker.docker_mirror#role) then restarts the service.
  - For registry mirrors, use M(pullthrough.docker.registry_mirrors). It merges lists, and finds mirrors in other
    places.
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
  settings:
    description:
      - Keys of C(daemon.json) and their values. Objects are merged, key by key. Lists and other values are replaced.
      - V(null) is refused, because in YAML it is often an accident. To remove a key, name it in O(remove).
      - Ansible itself logs the arguments of a task. If a value is secret, set C(no_log) on the task.
    type: dict
    default: {}
  remove:
    description:
      - Keys to remove. Write a key inside an object with dots, such as V(log-opts.max-size).
      - For some settings, an engine keeps the old value when the key is missing at a reload. The module sets these to
        their defaults first, so that the engine does not keep the old value.
    type: list
    elements: str
    default: []
seealso:
  - module: pullthrough.docker.registry_mirrors
  - name: Docker Engine's configuration file
    description: All keys.
    link: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
"""

EXAMPLES = r"""
- name: Keep containers running while the engine restarts
  pullthrough.docker.daemon_config:
    settings:
      live-restore: true

- name: Pull more layers at once, and allow a registry without TLS
  pullthrough.docker.daemon_config:
    settings:
      max-concurrent-downloads: 10
      insecure-registries: ["registry.example.com:5000"]

- name: Remove two keys, one of them inside an object
  pullthrough.docker.daemon_config:
    remove:
      - debug
      - log-opts.max-size
    keep_containers: false

- name: Send logs to Splunk, with a token that Ansible does not log
  pullthrough.docker.daemon_config:
    settings:
      log-driver: splunk
      log-opts:
        splunk-token: "{{ vaulted_token }}"
        splunk-url: https://splunk.example.com:8088
    keep_containers: false
  no_log: true
"""

RETURN = r"""
path:
  description: The engine's configuration file.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
changed_keys:
  description: The keys that changed in the file. A key inside an object is written with dots.
  returned: success
  type: list
  elements: str
  sample: [log-opts.max-size]
in_force:
  description:
    - For each top-level key in O(settings) and O(remove), V(true) if the engine uses the value in the file, V(false)
      if it does not, and V(null) if that cannot be seen. It cannot be seen if no engine runs, if C(docker system info)
      does not show the key, or if the default of a removed key is not known.
    - After a change, this is what the engine answered. In check mode, the value that the engine uses now is compared
      with the value that the file would have.
  returned: success
  type: dict
  sample: {"live-restore": true, "log-level": null}
reloaded:
  description: Whether the module made the engine reload its configuration, or in check mode would.
  returned: success
  type: bool
  sample: true
pending:
  description: What is still needed to bring the settings into force. One of V(none), V(reload), V(restart).
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
  description: One entry for the file if it changes, and one with the header C(engine) if the settings in force change.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import model, plan_settings, task
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **model.SPEC,
            "settings": {"type": "dict", "default": {}},
            "remove": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    task.run(module, Host(module), plan_settings)


if __name__ == "__main__":
    main()
