# SPDX-License-Identifier: MIT
"""What manifest/azure would do, without Azure: templates, policies, Bicep and Terraform, row by row.

usage: check.py [--schemas]

With --schemas each template, each policy and each resource after evaluation is also held against the published
schemas of Resource Manager: exit status 77 where they, or python3-jsonschema, are not there.
"""

import importlib.util
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from manifest import expressions, languages, mutants, policies, publish, queries, schema, templates, terraform  # noqa: E402
from manifest.rows import Rows  # noqa: E402


def schemas_of_azure():
    if importlib.util.find_spec("jsonschema") is None:
        sys.exit(_skipped("python3-jsonschema is not installed"))
    where = schema.folder()
    if where is None:
        sys.exit(_skipped("Resource Manager's published schemas are not in ../shared/schemas (or $ARM_SCHEMAS)"))
    return schema.Schemas(where)


def _skipped(why: str) -> int:
    print(f"SKIP: {why}", file=sys.stderr)
    return 77


def main() -> None:
    schemas = schemas_of_azure() if "--schemas" in sys.argv[1:] else None
    rows = Rows()
    for each in (expressions, templates, languages, terraform, policies, publish, queries):
        each.play(rows, schemas)
    if not schemas:
        mutants.play(rows, None)
    rows.end()


main()
