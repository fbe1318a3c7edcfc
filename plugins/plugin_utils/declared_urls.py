# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value of ``docker_mirror_urls``, as the role and the playbooks read it.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, List

from ansible.module_utils.common.validation import check_type_list

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url


def engine_urls(value: Any) -> List[str]:
    """Return the URLs as engines show them, from a list or a string with commas, as the role accepts them.

    :raises TypeError, ValueError: when the role could not accept the value either.
    """
    return mirror_url.engine_list([mirror_url.declare(url) for url in check_type_list(value)])
