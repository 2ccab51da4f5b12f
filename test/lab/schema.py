# SPDX-License-Identifier: MIT
"""Documents of the programs, held against the schemas of manifest/."""

import json

import jsonschema
from lab.layer import CHECKOUT


def check_schema(name: str, document: object) -> None:
    schema = json.loads((CHECKOUT / f"manifest/{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
