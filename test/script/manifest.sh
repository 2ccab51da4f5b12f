#!/bin/sh
# SPDX-License-Identifier: MIT
# manifest/azure without Azure: test/manifest/check.py; and Terraform's own layout, where there is a Terraform.
set -eu
top=${srcdir:-.}
if type terraform >/dev/null 2>&1; then
	terraform fmt -check -recursive "$top/manifest/azure/terraform" || { echo "FAIL: terraform fmt" >&2; exit 1; }
fi
exec python3 -B "$top/test/manifest/check.py"
