#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_mirrors
short_description: Declare the registry mirrors of image clients other than Docker Engine
version_added: 0.4.0
description:
  - Docker Engine is not the only program on a host that pulls images. This module gives Podman, Buildah, Skopeo and
    CRI-O the mirrors of Docker Hub and of other registries.
  - It writes one file of its own, C(zz-pullthrough-docker.conf) in C(registries.conf.d). It never edits the files of
    others. If another file names the registry, or if the clients cannot read one of their files, the module fails
    before it writes anything.
  - Podman, Buildah and Skopeo read the file at each command, so nothing is restarted. CRI-O reads it at a reload, which
    RV(clients[].pending) then says.
  - Each run reads all files as the clients do, and returns which mirrors are in force.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._clients
  - pullthrough.docker._files
  - pullthrough.docker._attributes
options:
  mirrors:
    description:
      - URLs of the mirrors of Docker Hub, in the order in which the client asks them.
      - A URL is C(http) or C(https), a host with a dot or a port, and optionally a port and a path. A user or password
        is refused. The path is put before the name of the image. A registry mirror of Docker Engine cannot have such a
        path.
      - The client asks Docker Hub itself after the mirrors.
    type: list
    elements: str
    default: []
  registries:
    description:
      - Mirrors of other registries. Each key is a registry as image names have it, such as V(ghcr.io). Each value is a
        list of URLs as in O(mirrors).
      - At least one of O(mirrors) and O(registries) is needed.
    type: dict
    default: {}
  clients:
    description:
      - The clients to configure. V(podman) is Podman, Buildah, Skopeo and CRI-O, which read the same files.
      - If not set, those that are installed. A client that is named here gets its file even before it is installed.
    type: list
    elements: str
    choices: [podman]
  state:
    description:
      - V(present) makes the clients use exactly these mirrors for these registries. What the file of this collection
        has of other registries stays.
      - V(absent) removes these registries from the file of this collection, whatever their mirrors are. With the last
        one, the file goes, and so do the folders that were made for it. Nothing else is removed. If a file of others
        still gives mirrors to one of the registries, the module warns.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), whether to replace what another file says of a registry. The file of this collection is
        read last, so it is in force. The bytes of the other file stay.
      - If V(false), another file that names one of the registries is refused, unless it says the same.
      - An entry that blocks a registry is never replaced, because that would allow the registry again.
    type: bool
    default: false
  ca_files:
    description:
      - CA certificates for mirrors whose certificates the host does not trust. Each key is the host of a mirror as in
        its URL, with the port if the URL has one. Each value is the path of a file on the host with certificates in
        PEM.
      - The module copies the file to C(certs.d/HOST/pullthrough-docker.crt) in C(/etc/containers), or in
        C(~/.config/containers) of a user, where the clients read it at every pull. It removes the copy when no mirror
        of that host is left.
      - If not set, the certificate that O(pullthrough.docker.registry_mirrors#module:ca_certificates) wrote for the
        engine.
    type: dict
    default: {}
  backup:
    description: Whether to keep a copy of the file if it changes, with a time stamp in its name.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: pullthrough.docker.client_mirrors_info
  - module: pullthrough.docker.registry_mirrors
"""

EXAMPLES = r"""
- name: Let Podman, Buildah and Skopeo use the mirror of Docker Hub that the engine uses
  pullthrough.docker.client_mirrors:
    mirrors: https://cache.example.com
    clients: podman

- name: Also use mirrors of other registries, on every host that has a client
  pullthrough.docker.client_mirrors:
    mirrors: https://cache.example.com
    registries:
      ghcr.io:
        - https://cache.example.com:5001
      quay.io:
        - https://harbor.example.com/quay

- name: Use a mirror with a certificate of our own CA
  pullthrough.docker.client_mirrors:
    mirrors: https://cache.example.com
    ca_files:
      cache.example.com: /usr/local/share/ca-certificates/lab.crt
    clients: podman

- name: Replace what another file says of Docker Hub
  pullthrough.docker.client_mirrors:
    mirrors: https://cache.example.com
    clients: podman
    exclusive: true

- name: Remove the mirrors of both registries again
  pullthrough.docker.client_mirrors:
    mirrors: https://cache.example.com
    registries:
      ghcr.io: []
    clients: podman
    state: absent
"""

RETURN = r"""
clients:
  description: The clients that were configured, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    client:
      description: The client, as in O(clients).
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
      description: The registries that the task names, each with its mirrors.
      type: dict
      contains:
        mirrors:
          description:
            - The mirrors that are configured after the change, or in check mode would be, with one final slash.
            - V(null) if versions of the client differ in what they read.
          type: list
          elements: str
          sample: ["https://cache.example.com/"]
        previous_mirrors:
          description: The mirrors that were configured before.
          type: list
          elements: str
          sample: []
        in_force:
          description:
            - The mirrors that are in force by the rules of the client, after the files were read again. In check mode,
              those that are in force now.
            - Mirrors that serve only digests or only tags do not count.
          type: list
          elements: str
          sample: ["https://cache.example.com/"]
      sample:
        docker.io:
          mirrors: ["https://cache.example.com/"]
          previous_mirrors: []
          in_force: ["https://cache.example.com/"]
    pending:
      description: What is still needed to bring the mirrors into force. V(none), or V(reload) for CRI-O.
      type: str
      sample: none
    pending_reasons:
      description: Why C(pending) is not V(none), with the command to run.
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
      sample: /etc/containers/registries.conf.d/zz-pullthrough-docker.conf
    backup_file:
      description: The copy of the old file, or V(null) if there was no file.
      type: str
      sample: /etc/containers/registries.conf.d/zz-pullthrough-docker.conf.4711.2026-01-31@23:59:59~
    checksum:
      description:
        - SHA-256 of what this task wrote. It shows whether someone changed the file later.
        - Empty if the task removed the file.
      type: str
  sample: []
diff:
  description: One entry for each file that changes.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import model, plan_clients, task
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mirrors": {"type": "list", "elements": "str", "default": []},
            "registries": {"type": "dict", "default": {}},
            "clients": {"type": "list", "elements": "str", "choices": list(plan_clients.CLIENTS)},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "exclusive": {"type": "bool", "default": False},
            "ca_files": {"type": "dict", "default": {}},
            **model.FILE_SPEC,
        },
        supports_check_mode=True,
    )
    task.run_on_files(module, Host(module), plan_clients)


if __name__ == "__main__":
    main()
