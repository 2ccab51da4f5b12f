# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by a test in the build directory that has a function fail.  Skips without jsonschema.
schemas=$(cd "${srcdir:-.}/manifest" && pwd) || exit 1
python3 -c 'import jsonschema' || exit 77

# conforms NAME: the document in the file json is what manifest/NAME.schema.json says
conforms()
{
	python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open("json")), json.load(open(sys.argv[1])))' "$schemas/$1.schema.json" 2>error ||
		fail "$1: $(cat json error)"
}
