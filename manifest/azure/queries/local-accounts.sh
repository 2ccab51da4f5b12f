#!/bin/sh
# SPDX-License-Identifier: MIT
# What the extension says about local accounts and their keys, of each virtual machine of a subscription: neither a
# policy nor Resource Graph sees an extension's substatus.  One line a machine that says something: its id, what it says.
# usage: local-accounts.sh [SUBSCRIPTION]      exit status 1 if a machine says something
set -eu

found=0
ids=$(az vm list ${1:+--subscription "$1"} --query '[].id' --output tsv)
for id in $ids; do
	said=$(az vm get-instance-view --ids "$id" --output tsv --query \
		"instanceView.extensions[?name=='AADSSHLoginForLinux'].substatuses[] | [?contains(code, 'local-accounts') || contains(code, 'authorized-keys')].message")
	[ -n "$said" ] || continue
	found=1
	printf '%s: %s\n' "$id" "$said"
done
exit $found
