# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install pip like get-pip.py, but without a download: from the wheel that comes with Python."""

from __future__ import annotations

import ensurepip
import pathlib
import runpy
import sys
import sysconfig

folders = [
    pathlib.Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "none"),
    pathlib.Path(ensurepip.__file__).with_name("_bundled"),
]
wheel = next(found for folder in folders for found in folder.glob("pip-*.whl"))
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.path.insert(0, str(wheel))
sys.argv = [
    "pip",
    "install",
    "--no-index",
    "--find-links",
    str(wheel.parent),
    *[word for word in arguments if not word.startswith("pip==")],
    "pip",
]
runpy.run_module("pip", run_name="__main__")
