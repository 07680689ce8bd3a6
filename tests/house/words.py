# SPDX-License-Identifier: Apache-2.0
"""One word for one thing (docs and design): names that say nothing, or that another project uses for our things."""

import re

from tree import Finding, line_of, strip_code

FOLDERS = {"util", "utils", "common", "helper", "helpers", "misc"}

# Nowhere in a name of ours: not in types, not in functions, not in variables.
EVERYWHERE = {"vip", "vips", "manager", "managers", "helper", "helpers", "util", "utils", "misc", "ordinal", "ordinals"}

# Not in the name of a type, a namespace or a file. (data, dest, info, real and common are fine words elsewhere:
# container.data(), a kernel's struct bpf_map_info.)
DECLARED = EVERYWHERE | {"data", "info", "infos", "common", "real", "reals", "dest", "stuff"}

# Other people's names, which we cannot change.
FOREIGN = {"bpf_helpers", "bpf_core_read_helpers", "sock_common"}

_FOREIGN_SCOPE = re.compile(r"\b(?:std|absl|google|protobuf|grpc|testing|nlohmann|YAML|CLI)::[\w:]+")

_DECLARATION = re.compile(r"\b(?:class|struct|union|enum(?:\s+class)?|namespace)\s+([A-Za-z_]\w*)\s*(?:final\s*)?[:{]"
                          r"|\busing\s+([A-Za-z_]\w*)\s*=")
_IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z]|\d|\b|_)|[A-Z]?[a-z]+")
_TEST_NAME = re.compile(r"\b(?:TYPED_)?TEST(?:_[FP])?\([^)]*\)")  # a sentence about the thing, in anybody's words
_INCLUDE_LINE = re.compile(r"^[ \t]*#[ \t]*include[^\n]*", re.MULTILINE)


def parts(identifier):
    """The words of a name: kFrontendRows, frontend_rows and FRONTEND_ROWS are frontend, rows."""
    return [part.lower() for part in _PART.findall(identifier)]


def banned_names(tree):
    """No banned word in a folder, a file, a declared name or, for the worst ones, any identifier."""
    for path in tree.files:
        *folders, name = path.split("/")
        for folder in folders:
            if folder in FOLDERS:
                yield Finding(path, 0, f"no folder is named {folder}: name what is in it")
        if path.endswith((".cc", ".h", ".c", ".proto", ".py", ".sh")):
            for word in parts(name.split(".")[0]):
                if word in DECLARED:
                    yield Finding(path, 0, f"'{word}' names no file: name what is in it")
    for path, text in tree.code():
        yield from _in_code(path, text)


def _in_code(path, text):
    code = strip_code(text)
    for foreign in (_INCLUDE_LINE, _TEST_NAME, _FOREIGN_SCOPE):
        code = foreign.sub("", code)
    declared = {first or second for first, second in _DECLARATION.findall(code)}
    seen = set()
    for match in _IDENTIFIER.finditer(code):
        identifier = match.group(0)
        if identifier in seen or identifier in FOREIGN:
            continue
        seen.add(identifier)
        banned = DECLARED if identifier in declared else EVERYWHERE
        for word in parts(identifier):
            if word in banned:
                yield Finding(path, line_of(code, match.start()), f"'{word}' in {identifier}: say what it is")
