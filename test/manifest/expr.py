# SPDX-License-Identifier: MIT
"""The expressions of Resource Manager's templates and of Azure Policy: "[concat(parameters('a'), '-b')]".

Source: Microsoft's documentation of template functions.  Only what this project's files use is here, and all
else is an error: an expression that is not understood must not pass.
"""

import functools
import json
import re
import uuid
from typing import Any, Callable, Dict, List, Tuple

# What guid() hashes its arguments into, as Resource Manager does.
GUID_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")

TOKENS = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_]\w*)|(?P<mark>[()\[\],.]))")


class Unknown(Exception):
    """Something that this evaluator does not know, or that Resource Manager would refuse."""


@functools.lru_cache(maxsize=None)
def parse(text: str) -> Tuple:
    """A tree of ("literal", value), ("call", name, trees), ("property", tree, name) and ("index", tree, tree)."""
    tokens: List[Tuple[str, str]] = []
    at = 0
    while at < len(text.rstrip()):
        found = TOKENS.match(text, at)
        if not found:
            raise Unknown(f"not understood at {text[at:at + 20]!r} in {text!r}")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        at = found.end()
    tree, rest = _value(tokens, text)
    if rest:
        raise Unknown(f"more after the end of the expression: {text!r}")
    return tree


def _value(tokens: List, text: str) -> Tuple[Tuple, List]:
    if not tokens:
        raise Unknown(f"ends too early: {text!r}")
    (kind, word), tokens = tokens[0], tokens[1:]
    if kind == "string":
        tree: Tuple = ("literal", word[1:-1].replace("''", "'"))
    elif kind == "number":
        tree = ("literal", int(word))
    elif kind == "name":
        tree, tokens = _call(word, tokens, text)
    else:
        raise Unknown(f"unexpected {word!r} in {text!r}")
    while tokens and tokens[0][1] in (".", "[") and tokens[0][0] == "mark":
        tree, tokens = _access(tree, tokens, text)
    return tree, tokens


def _call(name: str, tokens: List, text: str) -> Tuple[Tuple, List]:
    if not tokens or tokens[0] != ("mark", "("):
        raise Unknown(f"{name!r} is no function call in {text!r}")
    tokens, arguments = tokens[1:], []
    while tokens and tokens[0] != ("mark", ")"):
        tree, tokens = _value(tokens, text)
        arguments.append(tree)
        if tokens and tokens[0] == ("mark", ","):
            tokens = tokens[1:]
        elif not tokens or tokens[0] != ("mark", ")"):
            raise Unknown(f"a comma or a parenthesis is missing in {text!r}")
    if not tokens:
        raise Unknown(f"a parenthesis is missing in {text!r}")
    return ("call", name, arguments), tokens[1:]


def _access(tree: Tuple, tokens: List, text: str) -> Tuple[Tuple, List]:
    if tokens[0][1] == ".":
        if len(tokens) < 2 or tokens[1][0] != "name":
            raise Unknown(f"no name after the dot in {text!r}")
        return ("property", tree, tokens[1][1]), tokens[2:]
    index, tokens = _value(tokens[1:], text)
    if not tokens or tokens[0] != ("mark", "]"):
        raise Unknown(f"a bracket is missing in {text!r}")
    return ("index", tree, index), tokens[1:]


# ---- functions that need no deployment


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _concat(*parts: Any) -> Any:
    if all(isinstance(part, list) for part in parts):
        return sum(parts, [])
    if any(isinstance(part, (list, dict)) or part is None for part in parts):
        raise Unknown(f"concat() of {parts!r}")
    return "".join(_text(part) for part in parts)


def _format(pattern: str, *values: Any) -> str:
    def one(found: "re.Match[str]") -> str:
        return _text(values[int(found.group(1))])
    return re.sub(r"\{(\d+)\}", one, pattern)


def _union(*parts: Any) -> Any:
    if all(isinstance(part, dict) for part in parts):
        united: Dict = {}
        for part in parts:
            united.update(part)
        return united
    if all(isinstance(part, list) for part in parts):
        return [item for at, item in enumerate(sum(parts, [])) if item not in sum(parts, [])[:at]]
    raise Unknown(f"union() of {parts!r}")


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, dict):
        return part.lower() in (key.lower() for key in whole)
    if isinstance(whole, (str, list)):
        return part in whole
    raise Unknown(f"contains() in {whole!r}")


def _empty(value: Any) -> bool:
    if value is None or isinstance(value, (str, list, dict)):
        return not value
    raise Unknown(f"empty() of {value!r}")


def _create_object(*parts: Any) -> Dict:
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _guid(*parts: str) -> str:
    return str(uuid.uuid5(GUID_NAMESPACE, "-".join(parts)))


def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unknown(f"{value!r} is neither true nor false")
    return value


PLAIN: Dict[str, Callable] = {
    "concat": _concat,
    "format": _format,
    "union": _union,
    "contains": _contains,
    "empty": _empty,
    "equals": lambda one, other: type(one) is type(other) and one == other,
    "not": lambda value: not truth(value),
    "guid": _guid,
    "createarray": lambda *parts: list(parts),
    "createobject": _create_object,
    "length": len,
    "tolower": str.lower,
    "split": lambda text, by: text.split(by),
    "last": lambda value: value[-1],
    "first": lambda value: value[0],
    "startswith": lambda text, begin: text.lower().startswith(begin.lower()),
    "string": _text,
    "true": lambda: True,
    "false": lambda: False,
    "null": lambda: None,
}


def _if(choose: Callable, yes: Callable, no: Callable) -> Any:
    return yes() if truth(choose()) else no()


def _coalesce(*values: Callable) -> Any:
    return next((value for value in (each() for each in values) if value is not None), None)


# These look at an argument only when they must.
LAZY: Dict[str, Callable] = {
    "if": _if,
    "and": lambda *values: all(truth(value()) for value in values),
    "or": lambda *values: any(truth(value()) for value in values),
    "coalesce": _coalesce,
}


class Expressions:
    """Evaluates with the functions of PLAIN and LAZY, and with those that are given: name in lower case, callable."""

    def __init__(self, functions: Dict[str, Callable], without: Tuple[str, ...] = ()):
        self.functions = {name: each for name, each in {**PLAIN, **functions}.items() if name not in without}

    def tree(self, tree: Tuple) -> Any:
        if tree[0] == "literal":
            return tree[1]
        if tree[0] == "call":
            return self._call(tree[1].lower(), tree[2])
        whole = self.tree(tree[1])
        key = tree[2] if tree[0] == "property" else self.tree(tree[2])
        if isinstance(whole, dict) and key in whole:
            return whole[key]
        if isinstance(whole, list) and isinstance(key, int) and 0 <= key < len(whole):
            return whole[key]
        raise Unknown(f"{whole!r} has no {key!r}")

    def _call(self, name: str, arguments: List[Tuple]) -> Any:
        if name in LAZY:
            return LAZY[name](*[lambda each=each: self.tree(each) for each in arguments])
        if name not in self.functions:
            raise Unknown(f"the function {name}() is not known here")
        try:
            return self.functions[name](*[self.tree(each) for each in arguments])
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise Unknown(f"{name}(): {error}") from error

    def text(self, text: str) -> Any:
        if text.startswith("[["):
            return text[1:]
        if text.startswith("[") and text.endswith("]"):
            return self.tree(parse(text[1:-1]))
        return text

    def value(self, value: Any) -> Any:
        """A copy of what JSON can hold with each string evaluated.  Names of members are not evaluated."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            if isinstance(value.get("copy"), list):
                raise Unknown("a copy loop inside of properties")
            return {name: self.value(each) for name, each in value.items()}
        return value
