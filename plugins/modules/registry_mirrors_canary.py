#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_canary
short_description: Pull an image through a Docker Engine, and tell whether a registry mirror served it
version_added: 0.3.0
description:
  - A mirror that is in force may still serve nothing, because it is down, lacks the image, or is not trusted; the pull then succeeds all the same,
    from Docker Hub. This module pulls images as C(docker pull) does and reads in the engine's own log who served them.
  - It says V(unknown) where the log leaves it open. With the classic image stores (C(overlay2)) level info is enough. With the containerd image
    store only level debug tells (C("debug") in C(daemon.json), which a reload brings into force).
  - An engine that writes less than level info to its log says nothing of a mirror that fails. The answer is then V(unknown).
  - The images stay. Choose such as the host needs anyway.
  - An engine that is not running is not started; nothing is pulled then.
options:
  images:
    description: Images of Docker Hub, such as V(alpine) or V(grafana/grafana:12.0.0).
    type: list
    elements: str
    required: true
  pull_timeout:
    description: Seconds for each pull.
    type: int
    default: 300
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker.engine
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
    support: partial
    details: Nothing is pulled, and the task is skipped, as nobody can tell what a pull would do.
  diff_mode:
    description: Returns details on what has changed, or in check mode would change.
    support: none
notes:
  - To find the end of the log and the levels that the engine writes, the module tells the engine to pull from port 1
    of its own host. That fails at once, and leaves an error in the log that names C(pullthrough-docker-end-of-log).
  - An image that is there already is asked for by its tag alone, and that is what the answer is about.
seealso:
  - module: pullthrough.docker.registry_mirrors_health_info
"""

EXAMPLES = r"""
- name: Use a mirror
  pullthrough.docker.registry_mirrors:
    mirrors:
      - https://mirror.gcr.io

- name: See whether it serves
  pullthrough.docker.registry_mirrors_canary:
    images:
      - alpine
  register: result

- name: Stop where Docker Hub was asked instead
  ansible.builtin.assert:
    that: result.images | selectattr('used', 'eq', 'fell_through') | length == 0
    fail_msg: "{{ result.images | map(attribute='reason') | join('; ') }}"
"""

RETURN = r"""
images:
  description: What became of each image.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: The image as it was given.
      type: str
      sample: alpine
    pulled:
      description: Whether the pull succeeded.
      type: bool
      sample: true
    new:
      description: Whether it brought anything that was not there.
      type: bool
      sample: true
    used:
      description: V(served) by a mirror, V(fell_through) to Docker Hub at least in part, or V(unknown).
      type: str
      sample: served
    by:
      description: The mirror that served it, or V(registry-1.docker.io), or V(null) where that is not known.
      type: str
      sample: https://mirror.gcr.io/
    reason:
      description: How that is known, or why it is not.
      type: str
      sample: "https://mirror.gcr.io/ served it: the engine names each endpoint that fails, and named none"
    evidence:
      description: The lines of the engine's log that say so, secrets masked, at the most 20.
      type: list
      elements: str
      sample: []
    seconds:
      description: How long the pull took.
      type: float
      sample: 1.31
engine:
  description: The engine as M(pullthrough.docker.registry_mirrors_info) tells it.
  returned: always
  type: dict
"""

from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import guards, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, files
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images, pull_log
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def pull(options: Dict[str, Any], host: Host) -> Dict[str, Any]:
    """The module's returns."""
    wanted = [images.parse(image) for image in options["images"]]
    seen = snapshots.take(host, options["service"], options["path"], options["timeout"])
    if seen.engine.is_roots:
        guards.refuse_roots_engine(seen)
    found: List[Dict[str, Any]]
    if seen.engine.info is None:
        reason = f"nothing was pulled, as the engine is {seen.engine.state}: {seen.engine.reason}"
        found = [
            {"image": image.text, "pulled": False, "new": False, "used": "unknown", "by": None, "reason": reason, "evidence": [], "seconds": 0.0}
            for image in wanted
        ]
    else:
        found = pull_log.try_out(seen.engine, wanted, pull_timeout=options["pull_timeout"], timeout=options["timeout"])
    return {"changed": any(image["new"] for image in found), "images": found, "engine": seen.engine.facts()}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "pull_timeout": {"type": "int", "default": 300},
            "path": {"type": "path"},
            "service": {"type": "str", "default": "docker"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, images=[], msg="nothing is pulled in check mode")
    try:
        result = pull(module.params, Host(module))
    except (files.FileError, Refused, images.ImageError, engine_api.Unreachable) as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for image in result["images"]:
        if image["used"] == "fell_through" or not image["pulled"]:
            module.warn(f"{image['image']} was not served by a mirror: {image['reason']}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
