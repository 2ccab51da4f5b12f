#!/bin/sh
# SPDX-License-Identifier: MIT
# The fake Resource Manager decides as the platform does: what the labs of az and of fleets rest on.
set -eu

source=$(cd "${srcdir:-.}" && pwd)
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/test:$source/test/fakes" exec python3 "$source/test/script/computecheck.py"
