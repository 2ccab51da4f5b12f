# SPDX-License-Identifier: MIT
"""Runs where azure-cli is: do these commands exist there, with these options, and can their queries be read?

usage: azwords.py <LIST    a JSON list of {"words": [...], "whole": bool}; prints a JSON list of what is wrong
whole: the command is one to type as it is, so that no option that it must have may be missing
"""

import json
import sys
from typing import Any, Dict, List

import jmespath
from azure.cli.core import get_default_cli


def table_of(names: List[str]) -> Dict[str, Any]:
    cli = get_default_cli()
    cli.invocation = cli.invocation_cls(cli_ctx=cli, commands_loader_cls=cli.commands_loader_cls, parser_cls=cli.parser_cls,
                                        help_cls=cli.help_cls)
    loader = cli.invocation.commands_loader
    loader.load_command_table(None)
    for name in set(names) & set(loader.command_table):
        cli.invocation.data["command_string"] = name
        loader.load_arguments(name)
    return loader.command_table


def name_of(words: List[str]) -> str:
    """What comes before the first option, or what a shell would put there."""
    ends = [at for at, word in enumerate(words) if word.startswith(("-", "$"))]
    return " ".join(words[:ends[0]] if ends else words)


# What az takes everywhere, and in place of names.
ANYWHERE = {"--query", "--output", "-o", "--subscription", "--ids"}


def unreadable(words: List[str]) -> List[str]:
    query = words[words.index("--query") + 1] if "--query" in words else "$"
    if "$" in query:  # which a shell completes
        return []
    try:
        jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        return [f"--query: {error}"]
    return []


def wrong(table: Dict[str, Any], words: List[str], whole: bool) -> List[str]:
    name = name_of(words)
    if name not in table:
        return [f"az has no {name}"]
    own = table[name].arguments.values()
    given = {word for word in words if word.startswith("-")}
    lines = [f"{name} has no {each}" for each in sorted(given - ANYWHERE - {option for each in own for option in each.options_list})]
    if whole and "--ids" not in given:
        lines += [f"{name} needs {each.options_list[0]}" for each in own
                  if each.type.settings.get("required") and not given & set(each.options_list)]
    return lines + unreadable(words)


def main() -> None:
    commands = json.load(sys.stdin)
    table = table_of([name_of(each["words"]) for each in commands])
    json.dump([line for each in commands for line in wrong(table, each["words"], each["whole"])], sys.stdout)


main()
