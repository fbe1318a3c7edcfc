#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_cache
short_description: One step of the role registry_cache
version_added: 0.4.0
description:
  - Does the steps of the role P(pullthrough.docker.registry_cache#role). Use the role. It installs the registry,
    restarts the caches, and puts the files back if a cache is not proved.
  - The module itself installs, starts and stops nothing.
options:
  step:
    description:
      - V(check) finds out what must be done, and changes nothing.
      - V(write) writes the files, and keeps what was there before until the change is proved.
      - V(prove) pulls an image through each cache, compares the digests, and does it again from the disk.
      - V(put_back) puts back the files from before a change that was not proved.
    type: str
    choices: [check, write, prove, put_back]
    default: check
  state:
    description: Whether the host must have these caches, or no cache. The data of the caches is kept in any case.
    type: str
    choices: [present, absent]
    default: present
  ports:
    description: The registries, and the port of the cache of each.
    type: dict
    default: {}
  name:
    description: The name under which clients reach the caches. If empty, the full name of the host.
    type: str
    default: ""
  certificate:
    description: Path of the certificate with its chain, in PEM.
    type: str
  key:
    description: Path of the key, in PEM.
    type: str
  plain_http:
    description: Whether the caches have no certificate.
    type: bool
    default: false
  data:
    description: The folder of what the caches hold.
    type: str
    default: /var/lib/registry-cache
  max_size:
    description: The size that the caches keep within, such as V(80%) of the file system, or V(200G).
    type: str
    default: 80%
  credentials:
    description: Accounts for the upstream registries, as the filter C(dict2items) returns them.
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: The registry.
        type: str
        required: true
      value:
        description: The account.
        type: dict
        required: true
        suboptions:
          username:
            description: Its name.
            type: str
            required: true
          password:
            description: Its password.
            type: str
            required: true
  private:
    description: Whether everyone who reaches the cache may pull what the account can pull.
    type: bool
    default: false
  metrics:
    description: Address and port of the metrics of the first cache, or an empty string.
    type: str
    default: 127.0.0.1:5050
  settings:
    description: Further settings of the registry.
    type: dict
    default: {}
  check_images:
    description: The image of each registry that is pulled as a proof.
    type: dict
    default: {}
  timeout:
    description: Seconds to wait until a cache answers.
    type: int
    default: 60
  unsafe_writes:
    description: Whether to write into a file that cannot be replaced atomically.
    type: bool
    default: false
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: pullthrough.docker.registry_cache_info
"""

EXAMPLES = r"""
- name: Find out whether the caches of this host are as declared
  pullthrough.docker.registry_cache:
    ports:
      docker.io: 5000
    certificate: /etc/ssl/cache.crt
    key: /etc/ssl/private/cache.key
  check_mode: true
  register: result
"""

RETURN = r"""
has_work:
  description: Whether something must be done, or was done.
  returned: always
  type: bool
install:
  description: Whether the registry must be installed first.
  returned: with the steps check and write
  type: bool
files:
  description: The files that change.
  returned: with the steps check and write
  type: list
  elements: str
restart:
  description: The registries whose caches must start or restart.
  returned: with the steps check, write and put_back
  type: list
  elements: str
stop:
  description: The registries whose caches must stop.
  returned: with the steps check, write and put_back
  type: list
  elements: str
reasons:
  description: Why caches must start or restart.
  returned: with the steps check and write
  type: list
  elements: str
  sample: ["docker.io: its certificate changed"]
pending:
  description: V(restart) if a cache must restart, but cannot now because its upstream does not answer. Else V(none).
  returned: with the steps check and write
  type: str
pending_reasons:
  description: Why a change is pending.
  returned: with the steps check and write
  type: list
  elements: str
urls:
  description: The URL of each cache.
  returned: with state present
  type: dict
  sample: {"docker.io": "https://cache.example.com:5000/"}
"""

import socket

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import proof, task, wishes
from ansible_collections.pullthrough.docker.plugins.module_utils._cache.snapshots import CacheHost
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._registry.images import ImageError
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

ACCOUNT = {
    "key": {"type": "str", "required": True, "no_log": False},
    "value": {
        "type": "dict",
        "required": True,
        "options": {
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
        },
    },
}
ARGUMENTS: Dict[str, Any] = {
    "step": {"type": "str", "choices": ["check", "write", "prove", "put_back"], "default": "check"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "ports": {"type": "dict", "default": {}},
    "name": {"type": "str", "default": ""},
    "certificate": {"type": "str"},
    "key": {"type": "str", "no_log": False},
    "plain_http": {"type": "bool", "default": False},
    "data": {"type": "str", "default": "/var/lib/registry-cache"},
    "max_size": {"type": "str", "default": "80%"},
    "credentials": {"type": "list", "elements": "dict", "default": [], "options": ACCOUNT, "no_log": False},
    "private": {"type": "bool", "default": False},
    "metrics": {"type": "str", "default": "127.0.0.1:5050"},
    "settings": {"type": "dict", "default": {}},
    "check_images": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 60},
    "unsafe_writes": {"type": "bool", "default": False},
}


def run(module: AnsibleModule, host: CacheHost) -> Dict[str, Any]:
    """Do one step, and return the result of the module."""
    params, step = module.params, module.params["step"]
    if step == "put_back":
        result = task.put_back(module, host)
        return {**result, "changed": result["has_work"]}
    wish = wishes.of(params, socket.getfqdn()) if params["state"] == "present" else None
    urls = {instance.registry: wish.url(instance) for instance in wish.instances} if wish else {}
    if step == "prove" and wish:
        warnings = task.prove(host, wish, params["timeout"])
        task.confirm(module, host)
        return {"changed": False, "has_work": True, "warnings": warnings, "urls": urls}
    decision = task.decide(host, wish)
    writes = step == "write" and decision.has_work and not module.check_mode
    if writes:
        task.write(module, decision, keeps_previous=wish is not None)
    return {**decision.result(), "changed": writes, "warnings": decision.warnings, "urls": urls}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module, CacheHost())
    except (FileError, Refused, ImageError, proof.ProofError) as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for warning in result.pop("warnings", []):
        module.warn(masking.mask(warning))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
