# SPDX-License-Identifier: Apache-2.0
"""A test that nobody builds cannot fail."""

import posixpath
import re

from tree import Finding


def tests_are_registered(tree):
    """Every *_test.cc and *_fuzz.cc is named in the CMakeLists.txt of its folder or of one above it."""
    for path, _ in tree.select("_test.cc", "_fuzz.cc"):
        folder = posixpath.dirname(path)
        while True:
            build = tree.files.get(posixpath.join(folder, "CMakeLists.txt"), "")
            relative = posixpath.relpath(path, folder or ".")
            # By its name, or by its unit's in a list that a loop turns into files: `foreach(unit a b)`.
            unit = relative.removesuffix("_test.cc")
            if re.search(rf"(?<![\w/.-]){re.escape(relative)}(?![\w/.-])", build) or (
                    "${unit}_test.cc" in build and re.search(rf"\b{re.escape(unit)}\b", build)):
                break
            if not folder:
                yield Finding(path, 0, "no CMakeLists.txt names it: it is not built and cannot fail")
                break
            folder = posixpath.dirname(folder)
