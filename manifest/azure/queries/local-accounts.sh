#!/bin/sh
# SPDX-License-Identifier: MIT
# What the extension warns of about local accounts and their keys, of each virtual machine and each instance of a Uniform
# scale set in a subscription: neither a policy nor Resource Graph sees an extension's substatus.  One line a machine that
# warns: its id, and what it says.
# usage: local-accounts.sh [SUBSCRIPTION]      exit status 1 if a machine warns
set -eu

said="join('; ', (instanceView.extensions[?type=='Microsoft.Azure.ActiveDirectory.AADSSHLoginForLinux'].substatuses[] |
	[?level!='Info' && (contains(code, 'local-accounts') || contains(code, 'authorized-keys'))].message) || \`[]\`)"

lines=$(
	az vm list ${1:+--subscription "$1"} --query '[].id' --output tsv </dev/null | while read -r id; do
		az vm get-instance-view --ids "$id" --query "[{id: id, said: $said}] | [?said].[id, said]" --output tsv </dev/null
	done
	az vmss list ${1:+--subscription "$1"} --query "[?orchestrationMode!='Flexible'].[resourceGroup, name]" --output tsv </dev/null |
		while read -r group name; do
			az vmss list-instances ${1:+--subscription "$1"} --resource-group "$group" --name "$name" --expand instanceView \
				--query "[].{id: id, said: $said} | [?said].[id, said]" --output tsv </dev/null
		done
)
[ -n "$lines" ] || exit 0
printf '%s\n' "$lines" | awk '{ printf "%s%s", NR == 1 ? "" : /^\/subscriptions\// ? "\n" : " ", $0 } END { print "" }'
exit 1
