# SPDX-License-Identifier: MIT
"""Compiles the Bicep that manifest/azure/bicep is written in to a template, and that Bicep alone.

Microsoft's compiler is not at hand where the tests run.  This one knows parameters with their decorators, variables, resources (new,
existing, conditional, in a loop, as child or extension of another) and outputs; modules, types, functions of one's own, lambdas and
operators other than ! and ?: are errors.
"""

import re
from typing import Any, Dict, List, Optional, Tuple

from manifest.expr import Unknown

SCHEMA = "https://schema.management.azure.com/schemas/"
SCOPES = {"resourceGroup": SCHEMA + "2019-04-01/deploymentTemplate.json#",
          "subscription": SCHEMA + "2018-05-01/subscriptionDeploymentTemplate.json#"}
SPACE = re.compile(r"(?:\s|//[^\n]*)*")
NAME = re.compile(r"[A-Za-z_]\w*")
KEYWORDS = ("for", "if", "in")


class Reader:
    """Text to trees: tuples as in expr.py, and ("object", [(key, tree)]), ("array", trees), ("text", parts), ("name", n)."""

    def __init__(self, text: str):
        self.text, self.at = text, 0
        self.skip()

    def skip(self) -> None:
        self.at = SPACE.match(self.text, self.at).end()

    def fail(self, what: str) -> Unknown:
        line = self.text.count("\n", 0, self.at) + 1
        return Unknown(f"line {line}: {what} at {self.text[self.at:self.at + 30]!r}")

    def take(self, mark: str) -> bool:
        word = mark[0].isalpha()
        if not self.text.startswith(mark, self.at):
            return False
        if word and re.match(r"\w", self.text[self.at + len(mark):self.at + len(mark) + 1]):
            return False
        self.at += len(mark)
        self.skip()
        return True

    def must(self, mark: str) -> None:
        if not self.take(mark):
            raise self.fail(f"{mark!r} is missing")

    def name(self) -> str:
        found = NAME.match(self.text, self.at)
        if not found:
            raise self.fail("a name is missing")
        self.at = found.end()
        return found.group()

    def word(self) -> str:
        name = self.name()
        self.skip()
        return name

    def string(self) -> Tuple:
        parts, plain = [], ""
        self.at += 1
        while self.text[self.at:self.at + 1] != "'":
            here = self.text[self.at:self.at + 2]
            if not here or here[0] == "\n":
                raise self.fail("the text does not end")
            if here == "${":
                parts, plain, self.at = parts + [("literal", plain)], "", self.at + 2
                self.skip()
                parts.append(self.value())
                if self.text[self.at] != "}":
                    raise self.fail("} is missing")
                self.at += 1
            elif here[0] == "\\":
                if here not in ("\\'", "\\\\", "\\n", "\\$"):
                    raise self.fail("this escape is not known")
                plain, self.at = plain + {"n": "\n"}.get(here[1], here[1]), self.at + 2
            else:
                plain, self.at = plain + here[0], self.at + 1
        self.at += 1
        return ("text", parts + [("literal", plain)]) if parts else ("literal", plain)

    def value(self) -> Tuple:
        tree = self.operand()
        self.skip()
        if self.take("?"):
            yes = self.value()
            self.must(":")
            tree = ("call", "if", [tree, yes, self.value()])
        return tree

    def operand(self) -> Tuple:
        if self.text[self.at:self.at + 1] == "!":
            self.at += 1
            return ("call", "not", [self.operand()])
        tree = self.primary()
        while self.text[self.at:self.at + 1] in (".", "["):
            if self.text[self.at] == ".":
                self.at += 1
                tree = ("property", tree, self.name())
            else:
                self.at += 1
                tree = ("index", tree, self.value())
                if self.text[self.at:self.at + 1] != "]":
                    raise self.fail("] is missing")
                self.at += 1
        return tree

    def primary(self) -> Tuple:
        here = self.text[self.at:self.at + 1]
        if here == "'":
            return self.string()
        if here == "{":
            return self.object()
        if here == "[":
            return self.array()
        number = re.compile(r"\d+").match(self.text, self.at)
        if number:
            self.at = number.end()
            return ("literal", int(number.group()))
        name = self.name()
        if name in ("true", "false", "null"):
            return ("literal", {"true": True, "false": False, "null": None}[name])
        if name in KEYWORDS:
            raise self.fail(f"{name!r} is not known here")
        return ("call", name, self.arguments()) if self.text[self.at:self.at + 1] == "(" else ("name", name)

    def arguments(self) -> List[Tuple]:
        self.must("(")
        found = []
        while self.text[self.at:self.at + 1] != ")":
            found.append(self.value())
            if not self.take(",") and self.text[self.at:self.at + 1] != ")":
                raise self.fail("a comma is missing")
        self.at += 1
        return found

    def object(self) -> Tuple:
        self.must("{")
        members = []
        while not self.take("}"):
            key = self.string() if self.text[self.at:self.at + 1] == "'" else ("literal", self.name())
            self.skip()
            self.must(":")
            members.append((key, self.value()))
            self.take(",")
        self.at = self.text.rindex("}", 0, self.at) + 1
        return ("object", members)

    def array(self) -> Tuple:
        self.must("[")
        if self.text.startswith("for ", self.at):
            raise self.fail("a loop is not known here")
        items = []
        while not self.take("]"):
            items.append(self.value())
            self.take(",")
        self.at = self.text.rindex("]", 0, self.at) + 1
        return ("array", items)


class Compiler:
    def __init__(self, text: str):
        self.read = Reader(text)
        self.scope = "resourceGroup"
        self.parameters: Dict[str, Dict] = {}
        self.variables: Dict[str, Tuple] = {}
        self.symbols: Dict[str, Dict] = {}
        self.outputs: Dict[str, Tuple[str, Tuple]] = {}
        self.loop: Optional[Tuple[str, str, str]] = None
        self.waits: List[str] = []

    # ---- statements

    def statements(self) -> None:
        kinds = {"targetScope": self.target, "param": self.parameter, "var": self.variable,
                 "resource": self.resource, "output": self.output}
        while self.read.at < len(self.read.text):
            decorators = []
            while self.read.take("@"):
                decorators.append((self.read.name(), self.read.arguments()))
                self.read.skip()
            kind = self.read.word()
            if kind not in kinds or decorators and kind != "param":
                raise self.read.fail(f"the statement {kind!r} is not known")
            self.decorators = decorators
            kinds[kind]()
            self.read.skip()

    def target(self) -> None:
        self.read.must("=")
        self.scope = self.read.value()[1]

    def parameter(self) -> None:
        name, kind = self.read.word(), self.read.word()
        about: Dict[str, Any] = {"type": kind}
        for decorator, arguments in self.decorators:
            if decorator == "description":
                about["metadata"] = {"description": arguments[0][1]}
            elif decorator == "secure" and kind in ("object", "string"):
                about["type"] = {"object": "secureObject", "string": "securestring"}[kind]
            elif decorator in ("minValue", "maxValue", "minLength", "maxLength"):
                about[decorator] = arguments[0][1]
            else:
                raise self.read.fail(f"the decorator {decorator!r} is not known")
        if kind not in ("string", "int", "bool", "object", "array"):
            raise self.read.fail(f"the type {kind!r} is not known")
        if self.read.take("="):
            about["defaultValue"] = self.json(self.read.value())
        self.parameters[name] = about

    def variable(self) -> None:
        name = self.read.word()
        self.read.must("=")
        self.variables[name] = self.read.value()

    def output(self) -> None:
        name, kind = self.read.word(), self.read.word()
        self.read.must("=")
        self.outputs[name] = (kind, self.read.value())

    def resource(self) -> None:
        name = self.read.word()
        kind, _, version = self.read.string()[1].partition("@")
        self.read.skip()
        about: Dict[str, Any] = {"type": kind, "apiVersion": version, "existing": self.read.take("existing"),
                                 "condition": None, "loop": None}
        self.read.must("=")
        looped = self.read.take("[")
        if looped:
            self.read.must("for")
            variable = self.read.word()
            self.read.must("in")
            about["loop"] = (variable, self.read.value())
            self.read.must(":")
        if self.read.take("if"):
            self.read.must("(")
            about["condition"] = self.read.value()
            self.read.must(")")
        about["body"] = {key[1]: tree for key, tree in self.read.object()[1]}
        self.read.skip()
        if looped:
            self.read.must("]")
        self.symbols[name] = about

    # ---- the template

    def template(self) -> Dict:
        self.statements()
        if self.scope not in SCOPES:
            raise Unknown(f"the scope {self.scope!r}")
        template: Dict[str, Any] = {"$schema": SCOPES[self.scope], "contentVersion": "1.0.0.0",
                                    "parameters": self.parameters}
        template["variables"] = {name: self.json(tree) for name, tree in self.variables.items()}
        template["resources"] = [self.made(name, about) for name, about in self.symbols.items()
                                 if not about["existing"]]
        template["outputs"] = {name: {"type": kind, "value": self.json(tree)}
                               for name, (kind, tree) in self.outputs.items()}
        return template

    def made(self, name: str, about: Dict) -> Dict:
        body = dict(about["body"])
        resource: Dict[str, Any] = {"type": about["type"], "apiVersion": about["apiVersion"]}
        self.waits, self.loop = [], None
        if about["loop"]:
            variable, over = about["loop"]
            resource["copy"] = {"name": name, "count": f"[length({self.code(over)})]"}
            self.loop = (variable, self.code(over), name)
        resource["name"] = f"[{self.full_name(about)}]"
        if about["condition"]:
            resource["condition"] = f"[{self.code(about['condition'])}]"
        for special in ("name", "parent"):
            if body.pop(special, None) and special == "parent":
                self.wait(about["body"]["parent"][1])
        if "scope" in body:
            resource["scope"] = f"[{self.identity(body.pop('scope')[1])}]"
        for tree in body.pop("dependsOn", ("array", []))[1]:
            self.wait(tree[1])
        for member, tree in body.items():
            resource[member] = self.json(tree)
        if self.waits:
            resource["dependsOn"] = [f"[{self.identity(each)}]" for each in sorted(set(self.waits))]
        return resource

    def wait(self, symbol: str) -> None:
        if not self.symbols[symbol]["existing"]:
            self.waits.append(symbol)

    def full_name(self, about: Dict) -> str:
        name = self.code(about["body"]["name"])
        if "parent" not in about["body"]:
            return name
        return f"concat({self.full_name(self.symbols[about['body']['parent'][1]])}, '/', {name})"

    def identity(self, symbol: str) -> str:
        """The id of a resource, as an expression."""
        if symbol not in self.symbols:
            raise Unknown(f"{symbol!r} is no resource")
        about = self.symbols[symbol]
        names = []
        inner: Optional[Dict] = about
        while inner:
            names.insert(0, self.code(inner["body"]["name"]))
            inner = self.symbols[inner["body"]["parent"][1]] if "parent" in inner["body"] else None
        rest = f"'{about['type']}', {', '.join(names)}"
        if "scope" in about["body"]:
            return f"extensionResourceId({self.identity(about['body']['scope'][1])}, {rest})"
        return f"{'subscriptionResourceId' if self.scope == 'subscription' else 'resourceId'}({rest})"

    # ---- expressions

    def json(self, tree: Tuple) -> Any:
        """A value of the template: structure stays, all else is an expression in brackets."""
        if tree[0] == "literal":
            return "[" + tree[1] if isinstance(tree[1], str) and tree[1].startswith("[") else tree[1]
        if tree[0] == "object" and all(key[0] == "literal" for key, _ in tree[1]):
            return {key[1]: self.json(value) for key, value in tree[1]}
        if tree[0] == "array":
            return [self.json(each) for each in tree[1]]
        return f"[{self.code(tree)}]"

    def code(self, tree: Tuple) -> str:
        kinds = {"literal": self.literal, "text": self.joined, "name": self.named, "call": self.called,
                 "property": self.member, "index": self.indexed, "object": self.created, "array": self.listed}
        return kinds[tree[0]](*tree[1:])

    @staticmethod
    def literal(value: Any) -> str:
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        return {True: "true()", False: "false()", None: "null()"}.get(value, str(value)) \
            if not isinstance(value, int) or isinstance(value, bool) else str(value)

    def joined(self, parts: List[Tuple]) -> str:
        return f"concat({', '.join(self.code(part) for part in parts if part != ('literal', ''))})"

    def named(self, name: str) -> str:
        if self.loop and name == self.loop[0]:
            return f"{self.loop[1]}[copyIndex('{self.loop[2]}')]"
        if name in self.parameters:
            return f"parameters('{name}')"
        if name in self.variables:
            return f"variables('{name}')"
        raise Unknown(f"{name!r} is neither parameter nor variable")

    def called(self, name: str, arguments: List[Tuple]) -> str:
        return f"{name}({', '.join(self.code(each) for each in arguments)})"

    def member(self, tree: Tuple, name: str) -> str:
        if tree[0] != "name" or tree[1] not in self.symbols:
            return f"{self.code(tree)}.{name}"
        if name in ("id", "name"):
            if not self.symbols[tree[1]]["existing"]:
                self.waits.append(tree[1])
            return self.identity(tree[1]) if name == "id" else self.full_name(self.symbols[tree[1]])
        self.wait(tree[1])
        return f"reference({self.identity(tree[1])}, '{self.symbols[tree[1]]['apiVersion']}', 'Full').{name}"

    def indexed(self, tree: Tuple, index: Tuple) -> str:
        return f"{self.code(tree)}[{self.code(index)}]"

    def created(self, members: List[Tuple]) -> str:
        return f"createObject({', '.join(f'{self.code(key)}, {self.code(value)}' for key, value in members)})"

    def listed(self, items: List[Tuple]) -> str:
        return f"createArray({', '.join(self.code(each) for each in items)})"


def compiled(text: str) -> Dict:
    return Compiler(text).template()
