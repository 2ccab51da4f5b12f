#!/bin/sh
# SPDX-License-Identifier: MIT
# What counts the faults: nothing that was lost is overlooked.
set -eu

source=$(cd "${srcdir:-.}" && pwd)
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/test:$source/test/fakes" exec python3 "$source/test/script/faultscheck.py"
