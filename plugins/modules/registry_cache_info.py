#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_cache_info
short_description: Show the pull-through caches of a host
version_added: 0.4.0
description:
  - Shows the caches that the role P(pullthrough.docker.registry_cache#role) made on this host, whether each answers
    under its name, its size, its upstream, and how often it had what it was asked for.
  - A cache or an upstream that does not answer is no failure. The module warns, and returns the reason.
  - Changes nothing on the host, and starts nothing.
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._attributes
  - pullthrough.docker._attributes.info_module
notes:
  - Only root can read the configuration of the caches (C(become)).
"""

EXAMPLES = r"""
- name: Look at the caches of this host
  pullthrough.docker.registry_cache_info:
  register: result

- name: Stop if one of them does not answer
  ansible.builtin.assert:
    that: result.caches | rejectattr('answers') | length == 0
"""

RETURN = r"""
version:
  description: The version of the installed registry, or V(null) if none is installed.
  returned: always
  type: str
  sample: 2.8.3+ds1
caches:
  description: The caches. It is empty if the role made none.
  returned: always
  type: list
  elements: dict
  contains:
    registry:
      description: The registry that it caches.
      type: str
      sample: docker.io
    url:
      description: Its URL, as engines show it.
      type: str
      sample: https://cache.example.com:5000/
    unit:
      description: Its systemd unit.
      type: str
      sample: registry-cache@docker.io.service
    state:
      description: The state of the unit. V(activating) means that it does not start, and that systemd tries again.
      type: str
      sample: active
    answers:
      description: Whether it answers at its URL, with its own certificate.
      type: bool
      sample: true
    pending:
      description: V(restart) if a file or the registry changed since the cache started, else V(none).
      type: str
      sample: none
    pending_reasons:
      description: What changed.
      type: list
      elements: str
    data:
      description: The folder of what it holds.
      type: str
      sample: /var/lib/registry-cache/docker.io
    size:
      description: Bytes of that folder on the disk.
      type: int
      sample: 73400320
    upstream:
      description: The registry that it asks.
      type: dict
      contains:
        url:
          description: Its URL.
          type: str
          sample: https://registry-1.docker.io/
        answers:
          description: Whether it answers. A cache that runs serves what it has if it does not, but cannot be restarted.
          type: bool
          sample: true
        reason:
          description: Why it does not answer, or V(null).
          type: str
    requests:
      description: How many layers and configurations it was asked for since it started. V(null) without metrics.
      type: int
      sample: 120
    hits:
      description: How many of them it had.
      type: int
      sample: 90
    hit_rate:
      description: The share of the requests that it had, from 0 to 1. V(null) if there was no request.
      type: float
      sample: 0.75
size:
  description: Bytes of all caches.
  returned: always
  type: int
  sample: 73400320
max_size:
  description: The declared limit, or V(null) without caches.
  returned: always
  type: str
  sample: 80%
limit:
  description: The same in bytes.
  returned: always
  type: int
  sample: 214748364800
timer_active:
  description: Whether the timer runs that keeps the caches within the limit.
  returned: always
  type: bool
  sample: true
certificate:
  description: The certificate of the caches, or V(null) if they have none.
  returned: always
  type: dict
  contains:
    path:
      description: Its file.
      type: str
      sample: /etc/ssl/cache.crt
    not_after:
      description: The day on which it ends, in UTC, or V(null) if it cannot be read.
      type: str
      sample: "2027-02-01"
    days_left:
      description: Full days until then.
      type: int
      sample: 65
    reason:
      description: Why clients do not accept it, or V(null).
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import report
from ansible_collections.pullthrough.docker.plugins.module_utils._cache.snapshots import CacheHost
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        result, warnings = report.report(CacheHost())
    except FileError as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for warning in warnings:
        module.warn(masking.mask(warning))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
