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
  - Edits any keys of the engine's C(daemon.json) under the rules of M(pullthrough.docker.registry_mirrors). Every other byte stays, what the engine
    would refuse is refused before anything is written, and the change is made to be in force by a reload, which touches no container.
  - The proof of a reload is the engine's own event, and for what C(docker system info) shows, the value that it shows.
  - The module never restarts an engine. Where only a restart helps it says so in RV(pending), which the role P(pullthrough.docker.docker_mirror#role)
    acts on.
  - For registry mirrors alone, M(pullthrough.docker.registry_mirrors) is the better module, as it merges lists and knows the other places.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker.engine
  - pullthrough.docker.change
options:
  settings:
    description:
      - Keys of C(daemon.json) and their values. Objects are merged, key by key. Lists and everything else are replaced.
      - V(null) is refused, since in YAML it is what an accident looks like. To take a key out, name it in O(remove).
      - What a task is given Ansible logs itself. Where a value is secret, set C(no_log) on the task.
    type: dict
    default: {}
  remove:
    description:
      - Keys to take out. A key within an object is written with dots, such as V(log-opts.max-size).
      - An engine keeps what some settings were when their keys are missing at a reload. It is brought to their defaults all the same.
    type: list
    elements: str
    default: []
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

- name: Take two keys out, one of them within an object
  pullthrough.docker.daemon_config:
    remove:
      - debug
      - log-opts.max-size
    keep_containers: false

- name: Send logs away, with a token that is not to be logged
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
  description: The keys that changed in the file, with dots below objects.
  returned: success
  type: list
  elements: str
  sample: [log-opts.max-size]
in_force:
  description:
    - For each key that was named, whether the engine uses it as the file has it now, or V(null) where C(docker system info) does not show that.
  returned: success
  type: dict
  sample: {"live-restore": true, "log-level": null}
reloaded:
  description: Whether the engine was made to reload its configuration.
  returned: success
  type: bool
  sample: true
pending:
  description: What it still takes to bring the settings into force. One of V(none), V(reload), V(restart).
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
  description: One entry for the file when it changes, and one headed C(engine) when the settings in force change.
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
