# SPDX-License-Identifier: MIT
"""manifest/publish/publish.json, row by row: samples/publish.json.  There is no published schema of what it makes."""

from typing import Any, Dict, List, Optional

from manifest.rows import SAMPLES, TOP, Rows, differences, load
from manifest.template import Place, evaluate

FOLDER = TOP / "manifest/publish"
GIVEN = {"version": "1.2.3.4", "mediaLink": "https://account.blob.core.windows.net/c/x.zip?sig=x"}


def wrong(template: Dict, row: Dict) -> List[str]:
    made = evaluate(template, {**GIVEN, **row["given"]}, Place()).resources
    publisher = row["given"].get("publisher", "Microsoft.Azure.ActiveDirectory")
    where = f"Microsoft.Compute/sharedVMExtensions/{publisher}.AADSSHLoginForLinux"
    if [each["id"].split("/providers/")[1] for each in made] != [where, f"{where}/versions/1.2.3.4"]:
        return [str([each["id"] for each in made])]
    return differences(made[0], {"properties/identifier/publisher": publisher,
                                 "properties/identifier/type": "AADSSHLoginForLinux"}) + differences(made[1], {
        "properties/mediaLink": GIVEN["mediaLink"], "properties/isInternalExtension": row["internal"],
        "properties/regions": row["regions"], "properties/supportedOS": "Linux", "properties/computeRole": "IaaS",
        "properties/configuration/isJsonExtension": True})


def play(rows: Rows, schemas: Optional[Any]) -> None:
    template = load(FOLDER / "publish.json")
    for row in load(SAMPLES / "publish.json")["rows"]:
        if "refused" in row:
            rows.refused("publishing", row["name"], row["refused"],
                         lambda: evaluate(template, {**GIVEN, **row["given"]}, Place()))
        else:
            rows.play("publishing", row["name"], lambda: wrong(template, row))
    if schemas:
        rows.play("publishing", "the template, by the schemas", lambda: schemas.template(template))
