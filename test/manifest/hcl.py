# SPDX-License-Identifier: MIT
"""Reads and evaluates the Terraform that manifest/azure/terraform is written in, and that alone: no modules, no dynamic blocks, no
for expressions, no functions but those of FUNCTIONS.  All else is an error.  Source: the specification of HCL's native syntax.
"""

import json
import re
import uuid
from typing import Any, Callable, Dict, List, Tuple

from manifest.expr import Unknown

TOKEN = re.compile(r"""[ \t\r]*(?:\#[^\n]*)?(?:(?P<newline>\n)|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)
    |(?P<text>"(?:[^"\\$\n]|\\.|\$(?!\{)|\$\{[^"{}]*\})*")|(?P<mark>==|>=|<=|&&|[={}()\[\],.?:!]))""", re.X)
OPERATORS: Dict[str, Callable] = {
    "==": lambda one, other: type(one) is type(other) and one == other,
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    "&&": lambda one, other: one is True and other is True,
}
STRENGTH = (("&&",), ("==",), (">=", "<="))


class Reader:
    """A body is {"attributes": {name: tree}, "blocks": [(kind, labels, body)]}; trees are as in expr.py."""

    def __init__(self, text: str):
        self.tokens: List[Tuple[str, str]] = []
        at, end = 0, len(text)
        while at < end:
            found = TOKEN.match(text, at)
            if not found or not found.lastgroup:
                raise Unknown(f"not understood: {text[at:at + 40]!r}")
            self.tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()
        self.tokens.append(("end", ""))
        self.at, self.deep = 0, 0

    def peek(self) -> Tuple[str, str]:
        while self.deep and self.tokens[self.at][0] == "newline":
            self.at += 1
        return self.tokens[self.at]

    def take(self, mark: str) -> bool:
        if self.peek() == ("mark", mark):
            self.at += 1
            return True
        return False

    def must(self, kind: str, mark: str = "") -> str:
        got = self.peek()
        if got[0] != kind or mark and got[1] != mark:
            raise Unknown(f"{mark or kind!r} is missing before {got[1]!r}")
        self.at += 1
        return got[1]

    def body(self, closing: str) -> Dict:
        found: Dict[str, Any] = {"attributes": {}, "blocks": []}
        while True:
            while self.tokens[self.at][0] == "newline":
                self.at += 1
            if self.tokens[self.at][1] == closing:
                self.at += 1
                return found
            self.item(found)

    def item(self, found: Dict) -> None:
        name = self.must("name")
        if self.take("="):
            if name in found["attributes"]:
                raise Unknown(f"{name} is there twice")
            found["attributes"][name] = self.value()
        else:
            labels = []
            while self.peek()[0] == "text":
                labels.append(self.must("text")[1:-1])
            self.must("mark", "{")
            found["blocks"].append((name, labels, self.body("}")))
        if self.tokens[self.at][0] not in ("newline", "end"):
            raise Unknown(f"a line does not end after {name}")

    def value(self) -> Tuple:
        tree = self.binary(0)
        if self.take("?"):
            yes = self.value()
            self.must("mark", ":")
            tree = ("choice", tree, yes, self.value())
        return tree

    def binary(self, level: int) -> Tuple:
        if level == len(STRENGTH):
            return self.access()
        tree = self.binary(level + 1)
        while self.peek()[0] == "mark" and self.peek()[1] in STRENGTH[level]:
            operator = self.must("mark")
            tree = ("binary", operator, tree, self.binary(level + 1))
        return tree

    def access(self) -> Tuple:
        tree = self.primary()
        while True:
            if self.take("."):
                tree = ("property", tree, self.must("name"))
            elif self.take("["):
                tree = ("index", tree, self.inside("]", self.value))
            else:
                return tree

    def inside(self, closing: str, read: Callable) -> Any:
        """Where newlines mean nothing."""
        self.deep += 1
        got = read()
        self.must("mark", closing)
        self.deep -= 1
        return got

    def primary(self) -> Tuple:
        kind, word = self.peek()
        if kind == "text":
            return self.text(self.must("text"))
        if kind == "number":
            return ("literal", int(self.must("number")))
        if self.take("["):
            return ("list", self.inside("]", lambda: self.several("]", self.value)))
        if self.take("{"):
            return ("object", self.inside("}", lambda: self.several("}", self.member)))
        if kind != "name":
            raise Unknown(f"unexpected {word!r}")
        self.at += 1
        if word in ("true", "false", "null"):
            return ("literal", {"true": True, "false": False, "null": None}[word])
        if self.take("("):
            return ("call", word, self.inside(")", lambda: self.several(")", self.value)))
        return ("name", word)

    def several(self, closing: str, read: Callable) -> List:
        found = []
        while self.peek()[1] != closing:
            found.append(read())
            if not self.take(",") and self.peek()[1] != closing and closing != "}":
                raise Unknown(f"a comma is missing before {self.peek()[1]!r}")
        return found

    def member(self) -> Tuple[str, Tuple]:
        name = self.must("name")
        self.must("mark", "=")
        return name, self.value()

    @staticmethod
    def text(quoted: str) -> Tuple:
        parts: List[Tuple] = []
        for plain, inner in re.findall(r"((?:[^\\$]|\\.|\$(?!\{))+)|\$\{([^}]*)\}", quoted[1:-1]):
            parts.append(("literal", json.loads(f'"{plain}"')) if plain else Reader(inner).value())
        return ("text", parts) if len(parts) != 1 or parts[0][0] != "literal" else parts[0]


def _can(value: Callable) -> bool:
    try:
        value()
    except Unknown:
        return False
    return True


def _keys(value: Any) -> List[str]:
    if not isinstance(value, dict):
        raise Unknown(f"keys() of {value!r}")
    return sorted(value)


FUNCTIONS: Dict[str, Callable] = {
    "join": lambda by, parts: by.join(parts),
    "jsonencode": lambda value: json.dumps(value, sort_keys=True),
    "keys": _keys,
    "length": len,
    "uuidv5": lambda space, name: str(uuid.uuid5(uuid.UUID(space), name)),
}


class Evaluator:
    """names: what var, local, data, count and each type of resource stand for.  used: paths of what was looked at."""

    def __init__(self, names: Dict[str, Any]):
        self.names = names
        self.used: List[Tuple[str, str]] = []

    def tree(self, tree: Tuple) -> Any:
        kinds = {"literal": lambda value: value, "text": self._text, "name": self._name, "property": self._property,
                 "index": self._index, "list": lambda items: [self.tree(each) for each in items],
                 "object": lambda members: {name: self.tree(each) for name, each in members},
                 "choice": self._choice, "binary": self._binary, "call": self._call}
        return kinds[tree[0]](*tree[1:])

    def _text(self, parts: List[Tuple]) -> str:
        return "".join(str(self.tree(part)) for part in parts)

    def _name(self, name: str) -> Any:
        if name not in self.names:
            raise Unknown(f"{name!r} is not known")
        return self.names[name]

    def _property(self, tree: Tuple, name: str) -> Any:
        whole = self.tree(tree)
        if tree[0] == "name" and tree[1].startswith("azurerm_"):
            self.used.append((tree[1], name))
        if not isinstance(whole, dict) or name not in whole:
            raise Unknown(f"there is no {name!r} in {whole!r}")
        return whole[name]

    def _index(self, tree: Tuple, index: Tuple) -> Any:
        whole, at = self.tree(tree), self.tree(index)
        if not isinstance(whole, list) or not 0 <= at < len(whole):
            raise Unknown(f"there is no {at!r} in {whole!r}")
        return whole[at]

    def _choice(self, condition: Tuple, yes: Tuple, no: Tuple) -> Any:
        chosen = self.tree(condition)
        if not isinstance(chosen, bool):
            raise Unknown(f"{chosen!r} is neither true nor false")
        return self.tree(yes) if chosen else self.tree(no)

    def _binary(self, operator: str, one: Tuple, other: Tuple) -> Any:
        return OPERATORS[operator](self.tree(one), self.tree(other))

    def _call(self, name: str, arguments: List[Tuple]) -> Any:
        if name == "can":
            return _can(lambda: self.tree(arguments[0]))
        if name not in FUNCTIONS:
            raise Unknown(f"the function {name}() is not known")
        try:
            return FUNCTIONS[name](*[self.tree(each) for each in arguments])
        except (TypeError, ValueError) as error:
            raise Unknown(f"{name}(): {error}") from error


def read(text: str) -> Dict:
    return Reader(text).body("")
