# SPDX-License-Identifier: Apache-2.0
"""The part of `helm template` that manifests/helm uses: values, if, else, range, and the functions below. Anything else
is an error. Where there is a real helm, renderers_test.py compares."""

import os
import re

from outcome import yaml

_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)


class _Block:
    """What is between {{ if }} or {{ range }} and its {{ end }}: a list of texts, expressions and blocks."""

    def __init__(self, word, condition):
        self.word, self.condition = word, condition
        self.body, self.otherwise = [], []
        self.open = self.body


def render(chart, values=None, namespace="kube-system"):
    """Returns the objects of every template of the directory `chart`; `values` override those of values.yaml."""
    with open(os.path.join(chart, "Chart.yaml"), encoding="utf-8") as file:
        about = yaml.safe_load(file)
    with open(os.path.join(chart, "values.yaml"), encoding="utf-8") as file:
        merged = {**yaml.safe_load(file), **(values or {})}
    scope = {"Values": merged, "Release": {"Namespace": namespace}, "Chart": {"AppVersion": about["appVersion"]}}
    objects = []
    templates = os.path.join(chart, "templates")
    for name in sorted(os.listdir(templates)):
        with open(os.path.join(templates, name), encoding="utf-8") as file:
            text = _write(_parse(file.read()).body, scope, scope)
        objects += [item for item in yaml.safe_load_all(text) if item]
    return objects


def _parse(text):
    root = _Block("root", None)
    stack, at = [root], 0
    trim_next = False
    for action in _ACTION.finditer(text):
        before = text[at:action.start()]
        before = before.lstrip() if trim_next else before
        stack[-1].open.append(before.rstrip() if action.group(1) else before)
        at, trim_next = action.end(), bool(action.group(3))
        word, _, rest = action.group(2).partition(" ")
        if word in ("if", "range"):
            block = _Block(word, rest)
            stack[-1].open.append(block)
            stack.append(block)
        elif word == "else" and not rest:
            stack[-1].open = stack[-1].otherwise
        elif word == "end":
            stack.pop()
        else:
            stack[-1].open.append(("expression", action.group(2)))
    if stack != [root]:
        raise ValueError("a block without its end")
    root.body.append(text[at:].lstrip() if trim_next else text[at:])
    return root


def _write(parts, scope, dot):
    written = []
    for part in parts:
        if isinstance(part, str):
            written.append(part)
        elif isinstance(part, tuple):
            written.append(_text(_evaluate(part[1], scope, dot)))
        elif part.word == "range":
            written += [_write(part.body, scope, item) for item in _evaluate(part.condition, scope, dot)]
        else:
            written.append(_write(part.body if _evaluate(part.condition, scope, dot) else part.otherwise, scope, dot))
    return "".join(written)


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _evaluate(expression, scope, dot):
    """Evaluates a pipeline: operand | function argument | ..."""
    first, *stages = [stage.split() for stage in expression.split("|")]
    value = _call(first[0], [_operand(word, scope, dot) for word in first[1:]]) if len(first) > 1 else _operand(
        first[0], scope, dot)
    for function, *arguments in stages:
        value = _call(function, [_operand(word, scope, dot) for word in arguments] + [value])
    return value


def _operand(word, scope, dot):
    if word.isdigit():
        return int(word)
    if word == ".":
        return dot
    if not word.startswith("."):
        raise ValueError(f"{word}: this reader does not know it")
    value = scope
    for part in word[1:].split("."):
        value = value[part]  # KeyError if there is no such value; helm would write nothing and go on
    return value


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
    raise ValueError(f"{function} with {len(arguments)} arguments: this reader does not know it")
