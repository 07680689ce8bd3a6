# SPDX-License-Identifier: Apache-2.0
"""The repository as the rules see it: paths and texts, nothing else. Rules are functions Tree -> findings."""

import dataclasses
import os
import re
import subprocess


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One sentence about one line. Line 0: about the whole file."""

    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class Tree:
    """Files by path from the repository's root, '/' between the parts."""

    def __init__(self, files):
        self.files = dict(files)

    @classmethod
    def read(cls, root):
        """What git tracks or would track, as it lies on disk; without git (a tarball) every file outside build/."""
        try:
            listed = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others",
                 "--exclude-standard"], check=True, capture_output=True).stdout.decode().split("\0")
            paths = sorted({path for path in listed if path})
        except (OSError, subprocess.CalledProcessError):
            paths = sorted(_walk(root))
        files = {}
        for path in paths:
            full = os.path.join(root, path)
            if os.path.isfile(full) and not os.path.islink(full):
                with open(full, "rb") as file:
                    content = file.read()
                if b"\0" not in content:  # a binary: a fuzz corpus, a picture
                    files[path] = content.decode("utf-8", errors="replace")
        return cls(files)

    def exists(self, path):
        return path in self.files or any(other.startswith(path.rstrip("/") + "/") for other in self.files)

    def select(self, *endings):
        """(path, text) of the files with one of these name endings."""
        return [(path, text) for path, text in self.files.items() if path.endswith(endings)]

    def code(self):
        """(path, text) of C and C++."""
        return self.select(".cc", ".h", ".c")


def _walk(root):
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if not (name in (".git", "__pycache__") or (
            directory == root and name == "build"))]
        for name in files:
            yield os.path.relpath(os.path.join(directory, name), root)


_TOKEN = re.compile(
    r'R"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)"'  # raw string
    r"|//[^\n]*"
    r"|/\*.*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?P<number>\b\d[\w'.]*)"  # before character literals: 65'536
    r"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def strip_code(text):
    """C or C++ without comments and without what stands in literals; every newline is kept."""

    def blank(match):
        token = match.group(0)
        if match.group("number"):
            return token
        quote = token[-1] if token[-1] in "\"'" else ""
        return quote + "\n" * token.count("\n") + quote

    return _TOKEN.sub(blank, text)


def comments(text):
    """C, C++ or protobuf without its code: comments alone stay, every newline and column is kept."""
    kept = []
    end = 0
    for match in _TOKEN.finditer(text):
        if not match.group(0).startswith(("//", "/*")):
            continue
        kept.append(re.sub(r"[^\n]", " ", text[end:match.start()]))
        kept.append(match.group(0))
        end = match.end()
    return "".join(kept) + re.sub(r"[^\n]", " ", text[end:])


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


@dataclasses.dataclass(frozen=True)
class Include:
    """One #include: the quote that opens it (`"` or `<`) and what it names."""

    quote: str
    header: str
    line: int


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def includes(text):
    """The includes of a file of C or C++, in order."""
    return [Include(match.group(1), match.group(2), line_of(text, match.start())) for match in _INCLUDE.finditer(text)]


_FOR_TESTS = re.compile(r"(_test|_fuzz)\.cc$|(^|/)testing/|^tests/")


def is_for_tests(path):
    """Whether the file is a test or is used by tests only."""
    return _FOR_TESTS.search(path) is not None
