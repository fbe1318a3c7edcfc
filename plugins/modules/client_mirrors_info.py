#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_mirrors_info
short_description: Report which registry mirrors image clients other than Docker Engine use
version_added: 0.4.0
description:
  - Reads the configuration files of Podman, Buildah, Skopeo and CRI-O as these clients do, and returns which mirrors
    are in force for each registry that a file names.
  - The module does not fail if a file cannot be read. It returns the reason.
  - Changes nothing and runs no client.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._clients
  - pullthrough.docker._attributes
  - pullthrough.docker._attributes.info_module
seealso:
  - module: pullthrough.docker.client_mirrors
"""

EXAMPLES = r"""
- name: Read the mirrors of all clients
  pullthrough.docker.client_mirrors_info:
  register: result

- name: Stop if what this collection wrote is not in force
  ansible.builtin.assert:
    that: result.drift == false
    fail_msg: "{{ result.drift_reasons | join(' ') }}"
"""

RETURN = r"""
clients:
  description: The clients that this collection can configure, installed or not.
  returned: always
  type: list
  elements: dict
  contains:
    client:
      description: The client, as in O(pullthrough.docker.client_mirrors#module:clients).
      type: str
      sample: podman
    found:
      description: Whether one of C(podman), C(buildah), C(skopeo) and C(crio) is installed.
      type: bool
      sample: true
    version:
      description: Version of the client, or V(null) if only the client itself knows it. The module runs no client.
      type: str
    files:
      description: The configuration files of the client that the host has.
      type: list
      elements: dict
      contains:
        path:
          description: The file.
          type: str
          sample: /etc/containers/registries.conf.d/zz-pullthrough-docker.conf
        ours:
          description: Whether this collection wrote it.
          type: bool
          sample: true
    registries:
      description: Docker Hub and the registries that a file names, each with its mirrors.
      type: dict
      contains:
        mirrors:
          description:
            - The mirrors that the file of this collection has, with one final slash, or V(null) if it has none.
          type: list
          elements: str
          sample: ["https://cache.example.com/"]
        in_force:
          description:
            - The mirrors that are in force by the rules of the client. Mirrors that serve only digests or only tags do
              not count.
            - V(null) if a file cannot be read, or if versions of the client differ in what they read.
          type: list
          elements: str
          sample: ["https://cache.example.com/"]
      sample:
        docker.io:
          mirrors: ["https://cache.example.com/"]
          in_force: ["https://cache.example.com/"]
sources:
  description: Each entry of a file that names a registry, and each file that cannot be read.
  returned: always
  type: list
  elements: dict
  contains:
    client:
      description: The client, as in RV(clients[].client).
      type: str
      sample: podman
    path:
      description: The file.
      type: str
      sample: /etc/containers/registries.conf
    line:
      description: The line where the entry begins, or V(null) for a file that cannot be read.
      type: int
      sample: 3
    registry:
      description: The registry, a part of a registry, or a wildcard, as the entry has it, or V(null).
      type: str
      sample: docker.io
    mirrors:
      description: The mirrors of the entry, with one final slash, or V(null).
      type: list
      elements: str
      sample: ["https://cache.example.com/"]
    reason:
      description: Why the file cannot be read, or why some of the mirrors are not asked at every pull, or V(null).
      type: str
  sample: []
drift:
  description:
    - Whether what the file of this collection has is not in force.
    - V(null) if a file cannot be read.
  returned: always
  type: bool
  sample: false
drift_reasons:
  description: What differs.
  returned: always
  type: list
  elements: str
  sample: []
conflicts:
  description: Registries that have entries in more than one file, of which only one counts.
  returned: always
  type: list
  elements: dict
  contains:
    registry:
      description: The registry.
      type: str
      sample: docker.io
    places:
      description: The file and line of each entry.
      type: list
      elements: str
    message:
      description: What this means.
      type: str
  sample: []
uncovered:
  description: Image clients that were found and that this collection does not configure.
  returned: always
  type: list
  elements: dict
  contains:
    client:
      description: The client.
      type: str
      sample: k3s
    path:
      description: Where it was found.
      type: str
      sample: /etc/rancher/k3s
    message:
      description: What to do.
      type: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import client_report, client_snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    host = Host(module)
    module.exit_json(**client_report.report(host, client_snapshots.take(host)))


if __name__ == "__main__":
    main()
