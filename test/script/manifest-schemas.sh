#!/bin/sh
# SPDX-License-Identifier: MIT
# manifest/azure by Resource Manager's published schemas, which are beside the checkout or in $ARM_SCHEMAS.
exec python3 -B "${srcdir:-.}/test/manifest/check.py" --schemas
