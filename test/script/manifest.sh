#!/bin/sh
# SPDX-License-Identifier: MIT
# manifest/azure without Azure: test/manifest/check.py.
exec python3 -B "${srcdir:-.}/test/manifest/check.py"
