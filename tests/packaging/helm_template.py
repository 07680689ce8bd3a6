# SPDX-License-Identifier: Apache-2.0
"""The part of `helm template` that manifests/helm uses: values, define, include, if, else, range, and the functions
below. Anything else is an error. Where there is a real helm, renderers_test.py compares."""

import hashlib
import os
import re

from outcome import yaml

_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[()|]|[^\s()|]+)')


class Failure(Exception):
    """The chart refuses the values, by `fail`."""


class _Block:
    """What is between {{ if }}, {{ range }} or {{ define }} and its {{ end }}: a list of texts, expressions, blocks."""

    def __init__(self, word, condition):
        self.word, self.condition = word, condition
        self.body, self.otherwise = [], []
        self.open = self.body
        self.chained = False  # it is the "else if" of the block around it, and ends with that


def render(chart, values=None, namespace="kube-system", cluster=()):
    """Returns the objects of every template of the directory `chart`; `values` override those of values.yaml. `lookup`
    finds the objects in `cluster`, which are none for `helm template`."""
    objects = []
    for name, text in _texts(chart, values, namespace, cluster).items():
        if name.endswith(".yaml"):
            objects += [item for item in yaml.safe_load_all(text) if item]
    return objects


def notes(chart, values=None, namespace="kube-system"):
    """Returns what `helm install` says."""
    return _texts(chart, values, namespace, ())["NOTES.txt"]


def is_hook(item):
    return "helm.sh/hook" in item["metadata"].get("annotations", {})


def _texts(chart, values, namespace, cluster):
    with open(os.path.join(chart, "Chart.yaml"), encoding="utf-8") as file:
        about = yaml.safe_load(file)
    with open(os.path.join(chart, "values.yaml"), encoding="utf-8") as file:
        merged = _merged(yaml.safe_load(file), values or {})
    scope = {"Values": merged, "Release": {"Namespace": namespace, "Name": "shunt"},
             "Chart": {"AppVersion": about["appVersion"]}}
    directory = os.path.join(chart, "templates")
    trees = {}
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            trees[name] = _parse(file.read()).body
    defined = {part.condition.strip('"'): part.body for tree in trees.values() for part in tree
               if isinstance(part, _Block) and part.word == "define"}
    writer = _Writer(scope, defined, cluster)
    return {name: writer.write(tree, scope) for name, tree in trees.items()}


def _merged(defaults, values):
    """Values replace defaults, except that mappings are merged."""
    merged = dict(defaults)
    for name, value in values.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def _parse(text):
    root = _Block("root", None)
    stack, at = [root], 0
    trim_next = False
    for action in _ACTION.finditer(text):
        before = text[at:action.start()]
        before = before.lstrip() if trim_next else before
        stack[-1].open.append(before.rstrip() if action.group(1) else before)
        at, trim_next = action.end(), bool(action.group(3))
        _enter(action.group(2), stack)
    if stack != [root]:
        raise ValueError("a block without its end")
    root.body.append(text[at:].lstrip() if trim_next else text[at:])
    return root


def _enter(action, stack):
    """Adds one action to the innermost block, which is the last of `stack`."""
    word, _, rest = action.partition(" ")
    if action.startswith("/*"):
        return
    if word in ("if", "range", "define"):
        block = _Block(word, rest)
        stack[-1].open.append(block)
        stack.append(block)
    elif word == "else":
        stack[-1].open = stack[-1].otherwise
        if rest:
            _enter(rest, stack)
            stack[-1].chained = True
    elif word == "end":
        while stack.pop().chained:
            pass
    else:
        stack[-1].open.append(("expression", action))


class _Writer:
    def __init__(self, scope, defined, cluster):
        self._scope, self._defined, self._cluster = scope, defined, cluster

    def write(self, parts, dot):
        return "".join(self._part(part, dot) for part in parts)

    def _part(self, part, dot):
        if isinstance(part, str):
            return part
        if isinstance(part, tuple):
            return _text(self._evaluate(part[1], dot))
        if part.word == "define":
            return ""
        value = self._evaluate(part.condition, dot)
        if part.word == "range":
            return "".join(self.write(part.body, item) for item in value)
        return self.write(part.body if value else part.otherwise, dot)

    def _evaluate(self, expression, dot):
        tokens = _TOKEN.findall(expression)
        value = self._pipeline(tokens, dot)
        if tokens:
            raise ValueError(f"{expression}: this reader does not know it")
        return value

    def _pipeline(self, tokens, dot):
        """Evaluates operand or function, | function argument | ..., up to the end or a closing parenthesis."""
        value = self._stage(tokens, dot, [])
        while tokens and tokens[0] == "|":
            tokens.pop(0)
            value = self._stage(tokens, dot, [value])
        return value

    def _stage(self, tokens, dot, piped):
        first = tokens[0]
        function = tokens.pop(0) if re.fullmatch(r"[a-zA-Z]\w*", first) else None
        operands = []
        while tokens and tokens[0] not in ("|", ")"):
            operands.append(self._operand(tokens, dot))
        if function is None:
            (value,) = operands
            return value
        return self._call(function, operands + piped)

    def _operand(self, tokens, dot):
        word = tokens.pop(0)
        if word == "(":
            value = self._pipeline(tokens, dot)
            tokens.pop(0)
            return value
        if word.startswith('"'):
            return word[1:-1]
        if word.isdigit():
            return int(word)
        if word == ".":
            return dot
        if not word.startswith("."):
            raise ValueError(f"{word}: this reader does not know it")
        value = self._scope
        *parents, last = word[1:].split(".")
        for part in parents:
            value = value[part]  # KeyError if there is no such value
        # The user's own mapping may lack a field. A chart's value is there, or helm would write nothing and go on.
        return value.get(last) if parents[-1:] == ["configuration"] else value[last]

    def _call(self, function, arguments):
        if function == "include":
            name, dot = arguments
            return self.write(self._defined[name], dot)
        if function == "lookup":
            return next((item for item in self._cluster if _address(item) == arguments), {})
        return _call(function, arguments)


def _address(item):
    return [item["apiVersion"], item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]]


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _call(function, arguments):
    match function, arguments:
        case "default", [fallback, value]:
            return value or fallback
        case "quote", [value]:
            return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        case "nindent", [width, value]:
            return "".join("\n" + " " * width + line for line in value.split("\n"))
        case "toYaml", [value]:
            return yaml.safe_dump(value, sort_keys=True).rstrip("\n")
        case "printf", [form, *values] if not re.search("%[^s]", form):
            return form % tuple(values)
        case "sha256sum", [value]:
            return hashlib.sha256(value.encode()).hexdigest()
        case "eq", [one, other]:
            return one == other
        case "ne", [one, other]:
            return one != other
        case "not", [value]:
            return not value
        case "or", [*values]:
            return next((value for value in values if value), values[-1])
        case "and", [*values]:
            return next((value for value in values if not value), values[-1])
        case "fail", [why]:
            raise Failure(why)
    raise ValueError(f"{function} with {len(arguments)} arguments: this reader does not know it")
