# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module of the collection with the options on standard input, as JSON: call.py NAME.

This uses the real module side of Ansible, but not its controller, which takes most of the time of a call.
"""

from __future__ import annotations

import importlib
import json
import sys

from ansible.module_utils.testing import patch_module_args

with patch_module_args(json.load(sys.stdin)):
    importlib.import_module(f"ansible_collections.pullthrough.docker.plugins.modules.{sys.argv[1]}").main()
