# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: design of the house, in one table."""

import re

from tree import Finding, line_of

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# Files that only tests use, beside the unit; these may also use what stands in tests/.
_TEST_FILE = re.compile(r"(_test|_fuzz)\.cc$|/testing/")

# What every room above may include.
_VALUES = ("userspace/model", "userspace/report", "userspace/posix")

# Room -> rooms it may include besides itself. Rooms not named here (tests, bench) may include everything.
ALLOWED = {
    "bpf": (),
    "userspace/model": (),
    "userspace/report": ("userspace/model",),
    "userspace/posix": (),
    "userspace/planner": _VALUES,
    "userspace/datapath": (*_VALUES, "bpf"),
    "userspace/sources": (*_VALUES, "proto"),
    "userspace/admin": (*_VALUES, "proto"),
    "userspace/agent": (*_VALUES, "userspace/planner", "userspace/datapath", "userspace/sources", "userspace/admin"),
    "tools": (*_VALUES, "userspace/datapath", "userspace/admin", "proto"),
}

# Rooms inside a room, in order: each may include itself and those before it.
ORDER = {"userspace/datapath/kernel": ("object", "maps", "attach", "sockets")}

# What only some rooms know, by the header's path; tests and bench are free.
KNOWLEDGE = (
    ("libbpf and the kernel's BPF interface", re.compile(r"^(bpf/(bpf|libbpf|btf)\.h|linux/bpf\.h)$|\.skel\.h$"),
     ("userspace/datapath", "bpf")),
    ("gRPC", re.compile(r"^grpc(pp)?/"), ("userspace/admin", "tools")),
    ("HTTP and TLS", re.compile(r"^(curl|openssl|nghttp2)/"), ("userspace/sources/kubernetes",)),
    ("the admin API's messages", re.compile(r"^shunt/admin/.*\.pb\.h$"), ("userspace/admin", "tools")),
    ("the Kubernetes API's messages", re.compile(r"^kubernetes/.*\.pb\.h$"), ("userspace/sources/kubernetes",)),
    ("YAML", re.compile(r"^yaml-cpp/"), ("userspace/sources/document",)),
)

_ROOMS = (*ALLOWED, "tests", "bench", "proto")


def room_of(path):
    """The room of a file or of an included header; None: not ours. Generated protobuf headers belong to proto."""
    if path.endswith(".pb.h") and path.startswith(("shunt/", "proto/", "kubernetes/")):
        return "proto"
    for room in _ROOMS:
        if path.startswith(room + "/"):
            return room
    return None


def _included_room(quote, header):
    # <bpf/bpf_helpers.h> and the like are libbpf's; ours are included with quotes.
    return None if quote == "<" and header.startswith("bpf/") else room_of(header)


def include_edges(tree):
    """A room includes only what ALLOWED gives it, and a library only where KNOWLEDGE puts it."""
    for path, text in tree.code():
        room = room_of(path)
        if room not in ALLOWED:
            continue
        is_test = _TEST_FILE.search(path)
        for match in _INCLUDE.finditer(text):
            quote, header = match.groups()
            line = line_of(text, match.start())
            target = _included_room(quote, header)
            if target is not None and target != room and target not in ALLOWED[room]:
                if not (is_test and target == "tests"):
                    yield Finding(path, line, f"{room} may not include {target} ({header})")
            for what, pattern, knowers in KNOWLEDGE:
                if pattern.search(header) and not path.startswith(tuple(knower + "/" for knower in knowers)):
                    yield Finding(path, line, f"only {' and '.join(knowers)} know {what} ({header})")


def _inner_room(path):
    """The room of ORDER that a path lies in, as (outer, position); None: in none of them."""
    for outer, inner in ORDER.items():
        for position, name in enumerate(inner):
            if path.startswith(f"{outer}/{name}/"):
                return outer, position
    return None


def inner_order(tree):
    """Rooms inside a room include one another in the order of ORDER only; tests are free."""
    for path, text in tree.code():
        room = _inner_room(path)
        if room is None or _TEST_FILE.search(path):
            continue
        for match in _INCLUDE.finditer(text):
            target = _inner_room(match.group(2))
            if target is not None and target[0] == room[0] and target[1] > room[1]:
                outer, position = room
                name, above = ORDER[outer][position], ORDER[outer][target[1]]
                yield Finding(path, line_of(text, match.start()), f"{outer}/{name} may not include {above}")
