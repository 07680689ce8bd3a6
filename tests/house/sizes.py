# SPDX-License-Identifier: Apache-2.0
"""Lengths: of lines, functions and files; and the license line at the head of each."""

import ast
import collections
import re
import statistics

from circles import unit_edges, unit_of
from tree import Finding, is_for_tests, strip_code

COLUMNS_MAX = 120
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
# The other side of the ratchet: files of a few lines make a reader open many to follow one thought. Design wants a
# median of 80 to 100; this figure only ever grows.
MEDIAN_LINES_MIN = 55
SMALL_UNIT_LINES = 40
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
    """The median length of C and C++ files that are not for tests; None if there are none."""
    lengths = [text.count("\n") for path, text in tree.code() if not is_for_tests(path)]
    return int(statistics.median(lengths)) if lengths else None


def median_is_readable(tree):
    """The median C or C++ file that is not for tests is not short: what is only ever read together is one file."""
    median = median_file_length(tree)
    if median is not None and median < MEDIAN_LINES_MIN:
        yield Finding("userspace", 0, f"the median file has {median} lines, at least {MEDIAN_LINES_MIN}: "
                                      "which files are only ever read together?")


def small_units_are_shared(tree):
    """A unit (foo.h with foo.cc) of fewer than 40 lines has two users; one that has a single user belongs there."""
    users = collections.defaultdict(set)
    for user, units in unit_edges(tree).items():
        for unit in units:
            users[unit].add(user.removesuffix("_test"))
    lines = collections.Counter()
    for path, text in tree.code():
        if not is_for_tests(path):
            lines[unit_of(path)] += text.count("\n")
    for path, _ in tree.select(".h"):
        unit = unit_of(path)
        others = sorted(users[unit] - {unit})
        if not is_for_tests(path) and lines[unit] < SMALL_UNIT_LINES and len(others) < 2:
            yield Finding(path, 0, f"its unit has {lines[unit]} lines and one user, {others[0]}: it belongs there" if others
                          else f"its unit has {lines[unit]} lines and no user")


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
        if not any(re.search(re.escape(line) + r"(?: \*/)?$", head, re.MULTILINE) for line in accepted):
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
