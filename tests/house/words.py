# SPDX-License-Identifier: Apache-2.0
"""One word for one thing (docs and design): names that say nothing, or that another project uses for our things; and
phrases that people read twice."""

import re

from tree import Finding, comments, line_of, strip_code

FOLDERS = {"util", "utils", "common", "helper", "helpers", "misc"}

# Nowhere in a name of ours: not in types, not in functions, not in variables.
EVERYWHERE = {"vip", "vips", "manager", "managers", "helper", "helpers", "util", "utils", "misc", "ordinal", "ordinals"}

# Not in the name of a type, a namespace or a file. (data, dest, info, real and common are fine words elsewhere:
# container.data(), a kernel's struct bpf_map_info.)
DECLARED = EVERYWHERE | {"data", "info", "infos", "common", "real", "reals", "dest", "stuff"}

# Other people's names, which we cannot change.
FOREIGN = {"bpf_helpers", "bpf_core_read_helpers", "libbpf_probe_bpf_helper", "sock_common"}

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


# What we do not write in comments and documents, and what we write instead.
PHRASES = {
    "all the same": "nevertheless, still",
    "anew": "again",
    "any more": "no longer",
    "as ever": "as before",
    "but for": "except",
    "errors: as of": "the errors of",
    "for ever": "until when, or never ends",
    "in vain": "what did not come of it",
    "it is none": "it is malformed, or there is no ...",
    "nobody": "no Service, no process, no caller",
    "nobody's": "belongs to no ...",
    "of no more use": "unusable",
    "of no use": "unusable",
    "one's own": "its own, separate",
    "or is none": "or is malformed",
    "ought to": "should, must",
    "so long": "how long, or as long as",
    "so many": "up to how many",
    "somebody": "a process, a Service, another user",
    "there as a whole": "complete",
    "to be had": "available",
    "whoever": "the process that",
    "whom": "which",
}

# Words of a phrase may stand on two lines, with the comment's or the quotation's mark between them.
_PHRASE = re.compile(
    r"(?<![\w'-])(" + "|".join(re.escape(phrase).replace(r"\ ", r"[\s/*>]+") for phrase in
                               sorted(PHRASES, key=len, reverse=True)) + r")(?![\w'-])", re.IGNORECASE)
_FENCED = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`[^`\n]*`")


def plain_words(tree):
    """Comments of C, C++ and protobuf, and prose of Markdown, are without phrases that have a plainer word."""
    texts = [(path, comments(text)) for path, text in tree.code() + tree.select(".proto")]
    for path, text in tree.select(".md"):
        prose = _FENCED.sub(lambda match: "\n" * match.group(0).count("\n"), text)
        texts.append((path, _QUOTED.sub(lambda match: " " * len(match.group(0)), prose)))
    for path, text in texts:
        for match in _PHRASE.finditer(text):
            phrase = " ".join(re.sub(r"[/*>]", " ", match.group(0)).lower().split())
            yield Finding(path, line_of(text, match.start()), f"'{phrase}': say {PHRASES[phrase]}")
