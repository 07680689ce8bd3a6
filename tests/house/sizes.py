# SPDX-License-Identifier: Apache-2.0
"""Lengths: of lines, functions and files; and the license line at the head of each."""

import ast
import re
import statistics

from tree import Finding, strip_code

COLUMNS_MAX = 120
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
KERNEL_TAB = 8

_APACHE = "SPDX-License-Identifier: Apache-2.0"
_DUAL = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
_SOURCE_ENDINGS = (".cc", ".h", ".c", ".py", ".sh", ".cmake", ".proto", ".in", "CMakeLists.txt", "Makefile")


def line_lengths(tree):
    """No line of C or C++ is wider than 120 columns."""
    for path, text in tree.code():
        for number, line in enumerate(text.split("\n"), 1):
            width = len(line.expandtabs(KERNEL_TAB))
            if width > COLUMNS_MAX:
                yield Finding(path, number, f"{width} columns, at most {COLUMNS_MAX}")


def file_lengths(tree):
    """No source has more than 600 lines."""
    for path, text in tree.select(".cc", ".h", ".c", ".py", ".sh", ".proto"):
        lines = text.count("\n")
        if lines > FILE_LINES_MAX:
            yield Finding(path, 0, f"{lines} lines, at most {FILE_LINES_MAX}: which part is a file of its own?")


def median_file_length(tree):
    """The median length of C and C++ files that are not tests; 0 if there are none."""
    lengths = [text.count("\n") for path, text in tree.code()
               if not path.startswith("tests/") and not path.endswith("_test.cc")]
    return int(statistics.median(lengths)) if lengths else 0


def license_lines(tree):
    """Every source says its license in its first three lines: bpf/ and *.bpf.c dual, everything else Apache-2.0."""
    for path, text in tree.files.items():
        is_script = text.startswith("#!")
        if not path.endswith(_SOURCE_ENDINGS) and not is_script:
            continue
        head = "\n".join(text.split("\n")[:3])
        is_bpf = path.endswith(".bpf.c") or (path.startswith("bpf/") and path.endswith(".h"))
        wanted = _DUAL if is_bpf else _APACHE
        accepted = (wanted,) if is_bpf or not path.endswith(".h") else (_APACHE, _DUAL)  # a header both sides include
        if not any(line in head for line in accepted):
            yield Finding(path, 1, f"no line '{wanted}' at its head")


def function_lengths(tree):
    """No function has more than 70 lines from its opening to its closing brace, tables (`= {...}`) not counted."""
    for path, text in tree.code():
        for name, line, length in c_functions(text):
            if length > FUNCTION_LINES_MAX:
                yield Finding(path, line, f"{name} has {length} lines, at most {FUNCTION_LINES_MAX}")
    for path, text in tree.select(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    yield Finding(path, node.lineno, f"{node.name} has {length} lines, at most {FUNCTION_LINES_MAX}")


_CONTAINER = re.compile(r'\b(?:namespace|class|struct|union|enum)\b[^()=]*$|\bextern\s*"[^"]*"\s*$')
_FUNCTION_NAME = re.compile(r"([~\w:]+|operator[^\s(]+)\s*\(")
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def c_functions(text):
    """(name, first line, lines) of function bodies, without the lines of tables in them. Braces are matched; what
    opens one is told by the words since the last ; { or }: a container (namespace, class), an initializer (=), or
    else, with parentheses, a function."""
    code = _DIRECTIVE.sub(lambda match: "\n" * match.group(0).count("\n"), strip_code(text))
    stack = []  # of (kind, head, line)
    words_from = 0
    line = 1
    table_lines = 0
    for offset, character in enumerate(code):
        if character == "\n":
            line += 1
        elif character == "{":
            head = code[words_from:offset].strip()
            stack.append((_kind(head, stack), head, line))
            words_from = offset + 1
        elif character == "}":
            if stack:
                kind, head, opened = stack.pop()
                if kind == "table":
                    table_lines += line - opened
                elif kind == "function":
                    name = _FUNCTION_NAME.search(head)
                    yield (name.group(1) if name else head[:40]), opened, line - opened + 1 - table_lines
                    table_lines = 0
            words_from = offset + 1
        elif character == ";":
            words_from = offset + 1


def _kind(head, stack):
    kinds = [kind for kind, _, _ in stack]
    if "function" in kinds:
        return "table" if head.endswith("=") and "table" not in kinds else "inner"
    if "initializer" in kinds:
        return "inner"
    if _CONTAINER.search(head):
        return "container"
    if head.endswith(("=", ",", "(")) or "(" not in head:
        return "initializer"
    return "function"
