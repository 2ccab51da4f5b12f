#!/bin/sh
# SPDX-License-Identifier: MIT
# What the extension reports that is not well, of each virtual machine and each instance of a Uniform scale set in a
# subscription, whoever published it: neither a policy nor Resource Graph sees a virtual machine's statuses and substatuses.
# One line a machine: its id, and what it says.  With names of substatuses, such as local-accounts, of these alone.
# usage: warnings.sh [--subscription SUBSCRIPTION] [SUBSTATUS...]
# exit status 0 if all is well, 1 if a machine warns, 2 if one could not be looked at
set -eu

usage() {
	echo "usage: warnings.sh [--subscription SUBSCRIPTION] [SUBSTATUS...]" >&2
	exit 2
}

subscription=
if [ "${1-}" = --subscription ]; then
	subscription=${2-}
	[ -n "$subscription" ] || usage
	shift 2
fi
named=
for name; do
	case $name in '' | *[!a-z-]*) usage ;; esac
	named="${named:+$named || }contains(code, '/$name/')"
done

said="join('; ', (instanceView.extensions[?type && ends_with(type, '.AADSSHLoginForLinux')].[statuses, substatuses][] | [] |
	[?level && level!='Info'${named:+ && ($named)}].join(': ', [code, not_null(message, '')])) || \`[]\`)"
warned=0
unseen=0

look() { # WHAT, and the words of az that print the ids and what they say
	what=$1
	shift
	if ! lines=$(az "$@" --output tsv </dev/null); then
		echo "warnings.sh: $what could not be looked at" >&2
		unseen=$((unseen + 1))
	elif [ -n "$lines" ]; then
		warned=1 # A message may have lines of its own.
		printf '%s\n' "$lines" | awk '{ printf "%s%s", NR == 1 ? "" : /^\/subscriptions\// ? "\n" : " ", $0 } END { print "" }'
	fi
}

machines=$(az vm list ${subscription:+--subscription "$subscription"} --query '[].id' --output tsv </dev/null) || exit 2
sets=$(az vmss list ${subscription:+--subscription "$subscription"} --query "[?orchestrationMode!='Flexible'].[resourceGroup, name]" \
	--output tsv </dev/null) || exit 2
while read -r id; do
	[ -z "$id" ] || look "$id" vm get-instance-view --ids "$id" --query "[{id: id, said: $said}] | [?said].[id, said]"
done <<END
$machines
END
while read -r group name; do
	[ -z "$name" ] || look "$group/$name" vmss list-instances ${subscription:+--subscription "$subscription"} --resource-group "$group" \
		--name "$name" --expand instanceView --query "[].{id: id, said: $said} | [?said].[id, said]"
done <<END
$sets
END
[ "$unseen" -eq 0 ] || exit 2
exit "$warned"
