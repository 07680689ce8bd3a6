# SPDX-License-Identifier: Apache-2.0
"""Documents keep up with what they describe."""

import posixpath
import re

from tree import Finding, line_of

PROSE_COLUMNS_MAX = 120
PAGE = "README.md"
PAGE_LINES_MAX = 60
# Each of these folders begins with a page.
ROOMS = (
    "bench", "bpf", "bpf/socket", "proto", "tests", "tests/kubernetes", "tools/shuntctl",
    "userspace/admin",
    "userspace/agent", "userspace/agent/control", "userspace/agent/process", "userspace/agent/serve",
    "userspace/agent/settings",
    "userspace/datapath", "userspace/datapath/kernel",
    "userspace/model", "userspace/planner", "userspace/posix", "userspace/report",
    "userspace/sources", "userspace/sources/document", "userspace/sources/kubernetes", "userspace/sources/manifest",
)
MAPS_HEADER = "bpf/maps.h"
MAPS_DOCUMENT = "docs/maps.md"
SCENARIOS = "tests/scenarios/"
SEMANTICS_DOCUMENT = "docs/semantics.md"

_MAP = re.compile(r'^\}\s*(\w+)\s+SEC\("\.maps"\)', re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[(?:[^\]\n]|\n(?!\n))*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
# A line that is one link or one word cannot be broken.
_UNBREAKABLE = re.compile(r"^\s*(?:(?:[-*>]|\d+\.)\s+)?(?:!?\[[^\]]*\]\([^)]*\)|\[[^\]]+\]:\s+\S+|\S+)[.,:;]?$")
_PROSE_LIST = re.compile(r": ((?:[a-z0-9-]+, )*[a-z0-9-]+)\.$")
_FILE_NAME = re.compile(r"(?<!\[)`([\w./-]*\w)\.(h|cc|c|py|sh|proto|\{h,cc\})`")  # "[`a.h`](../a.h)" is for links_resolve
_UNIT_NAME = re.compile(r"`([a-z][a-z0-9_]*)`")
_SECTION_OF_FILES = re.compile(r"^#+ .*\b(?:files|rooms|folders)\b", re.IGNORECASE)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def maps_are_described(tree):
    """Every map of bpf/maps.h has a heading with its name in docs/maps.md."""
    maps = _MAP.findall(tree.files.get(MAPS_HEADER, ""))
    if not maps:
        yield Finding(MAPS_HEADER, 0, "no map found: this rule reads `} name SEC(\".maps\")`")
        return
    if MAPS_DOCUMENT not in tree.files:
        yield Finding(MAPS_DOCUMENT, 0, f"is missing: it describes the maps of {MAPS_HEADER}")
        return
    headings = " ".join(_HEADING.findall(tree.files[MAPS_DOCUMENT]))
    for name in maps:
        if not re.search(rf"`{name}`|\b{name}\b", headings):
            yield Finding(MAPS_DOCUMENT, 0, f"no section about the map {name}")


def _cited_scenarios(text):
    """(line, name) of every story that the page cites: the third column of tables under the heading "stories", and the
    list that ends a line of prose after a colon. Other words of prose cite nothing, whatever they are."""
    in_stories = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            third = cells[2] if len(cells) > 2 else ""
            if third == "stories":
                in_stories = True
            elif in_stories and third.strip("-:"):
                yield from ((number, name.strip()) for name in third.split(","))
            continue
        in_stories = False
        if match := _PROSE_LIST.search(line):
            yield from ((number, name.strip()) for name in match.group(1).split(","))


def scenarios_are_cited(tree):
    """Every story of tests/scenarios is cited, by its name, in docs/semantics.md, and no other is cited there."""
    stories = {posixpath.basename(path).rsplit(".", 1)[0] for path in tree.files
               if path.startswith(SCENARIOS) and path.endswith(".story")}
    if SEMANTICS_DOCUMENT not in tree.files:
        if stories:
            yield Finding(SEMANTICS_DOCUMENT, 0, f"is missing: it says which story of {SCENARIOS} proves what")
        return
    cited = set()
    for line, name in _cited_scenarios(tree.files[SEMANTICS_DOCUMENT]):
        cited.add(name)
        if name not in stories:
            yield Finding(SEMANTICS_DOCUMENT, line, f"no such scenario: {name}")
    for story in sorted(stories - cited):
        yield Finding(SEMANTICS_DOCUMENT, 0, f"does not cite the scenario {story}")


def anchors(text):
    """The anchors that a Markdown page offers, as GitHub makes them from headings."""
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "").lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        unique, count = slug, 0
        while unique in found:
            count += 1
            unique = f"{slug}-{count}"
        found.add(unique)
    return found


def rooms_have_pages(tree):
    """Every room has a README.md of at most 60 lines: purpose, picture, files in reading order, one test."""
    for room in ROOMS:
        page = f"{room}/{PAGE}"
        if page not in tree.files:
            if tree.exists(room):
                yield Finding(page, 0, "is missing: a room begins with its page")
            continue
        lines = tree.files[page].count("\n")
        if lines > PAGE_LINES_MAX:
            yield Finding(page, 0, f"{lines} lines, at most {PAGE_LINES_MAX}: what is more belongs to docs/")


def _lists_of_files(text):
    """(line, text) of the lists above the first heading of the second level, and of those under a heading that
    announces files, rooms or folders."""
    of_files, in_item = True, False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("##"):
            of_files = bool(_SECTION_OF_FILES.match(line))
        in_item = bool(re.match(r"(?:\d+\.|-) ", line)) or (in_item and line.startswith("  "))
        if of_files and in_item:
            yield number, line


def pages_name_what_exists(tree):
    """A page's `name.h` or `name.cc` is a file of its room, and so is each `name` in the page's lists of files."""
    for room in ROOMS:
        page = f"{room}/{PAGE}"
        inside = [path[len(room) + 1:] for path in tree.files if path.startswith(f"{room}/")]
        units = {part.split(".")[0] for path in inside for part in path.split("/")}
        text = _without_fences(tree.files.get(page, ""))
        for match in _FILE_NAME.finditer(text):
            name, ending = match.groups()
            for path in (f"{name}.{one}" for one in ending.strip("{}").split(",")):
                if path not in tree.files and not any(f"/{one}".endswith(f"/{path}") for one in inside):
                    yield Finding(page, line_of(text, match.start()), f"no file {path} in this room")
        for number, line in _lists_of_files(text):
            for name in _UNIT_NAME.findall(line):
                if name not in units:
                    yield Finding(page, number, f"the list of files names {name}: no such file in this room")


def _without_fences(text):
    """The page without its fenced code; every newline is kept."""
    return _FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def prose_is_wrapped(tree):
    """No line of prose in Markdown is wider than 120 columns; tables, code in fences and lone links may be."""
    for path, text in tree.select(".md"):
        for number, line in enumerate(_without_fences(text).split("\n"), 1):
            if len(line) <= PROSE_COLUMNS_MAX or line.lstrip().startswith("|") or _UNBREAKABLE.match(line):
                continue
            yield Finding(path, number, f"{len(line)} columns, at most {PROSE_COLUMNS_MAX}: wrap the paragraph there")


def links_resolve(tree):
    """Relative links in Markdown lead to a file of the tree, and to a heading where they name one."""
    for path, text in tree.select(".md"):
        prose = _without_fences(text)
        prose = re.sub(r"`[^`\n]*`", lambda match: " " * len(match.group(0)), prose)
        for match in _LINK.finditer(prose):
            target, _, anchor = match.group(1).partition("#")
            if _SCHEME.match(target):
                continue
            line = line_of(prose, match.start())
            page = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
            if not tree.exists(page):
                yield Finding(path, line, f"the link {match.group(1)} leads nowhere")
            elif anchor and page.endswith(".md") and anchor not in anchors(tree.files[page]):
                yield Finding(path, line, f"the link {match.group(1)}: no such heading")
