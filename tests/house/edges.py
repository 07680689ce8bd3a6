# SPDX-License-Identifier: Apache-2.0
"""Which room may include which: the design of the house, as tables."""

import posixpath
import re

from tree import Finding, includes, is_for_tests


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

# Folder -> what it may include of its own room besides itself: folders (not those below them) and single headers.
# A folder that is not named here, such as the top of userspace/agent, includes all of its room.
_SOURCES = "userspace/sources"
_WIRE = "userspace/sources/kubernetes/wire"
_KERNEL = "userspace/datapath/kernel"
_UNDER_KERNEL = ("userspace/datapath", f"{_KERNEL}/kernel_error.h", f"{_KERNEL}/kernel_grace.h")
INSIDE = {
    _SOURCES: (),
    f"{_SOURCES}/document": (_SOURCES,),
    f"{_SOURCES}/manifest": (_SOURCES, f"{_SOURCES}/document"),
    _WIRE: (_SOURCES, f"{_SOURCES}/document"),
    f"{_SOURCES}/kubernetes/client": (_SOURCES, f"{_SOURCES}/document"),
    f"{_SOURCES}/kubernetes/follow": (_SOURCES, _WIRE, f"{_SOURCES}/kubernetes/client/transport.h"),
    f"{_SOURCES}/kubernetes/snapshot": (_SOURCES, _WIRE),
    "userspace/datapath": (),
    f"{_KERNEL}/object": _UNDER_KERNEL,
    f"{_KERNEL}/maps": (*_UNDER_KERNEL, f"{_KERNEL}/object"),
    f"{_KERNEL}/devices": (*_UNDER_KERNEL, f"{_KERNEL}/node_addresses.h", f"{_KERNEL}/route_socket.h",
                           f"{_KERNEL}/object", f"{_KERNEL}/maps"),
    f"{_KERNEL}/attach": (*_UNDER_KERNEL, f"{_KERNEL}/route_socket.h", f"{_KERNEL}/object", f"{_KERNEL}/maps",
                          f"{_KERNEL}/devices"),
    f"{_KERNEL}/packets": (*_UNDER_KERNEL, f"{_KERNEL}/object", f"{_KERNEL}/maps", f"{_KERNEL}/devices",
                           f"{_KERNEL}/attach"),
    f"{_KERNEL}/scopes": (*_UNDER_KERNEL, f"{_KERNEL}/object", f"{_KERNEL}/maps"),
    f"{_KERNEL}/sockets": (*_UNDER_KERNEL, f"{_KERNEL}/object", f"{_KERNEL}/maps", f"{_KERNEL}/attach"),
    "userspace/agent/process": (),
    "userspace/agent/settings": ("userspace/agent/process",),
    "userspace/agent/control": ("userspace/agent/process", "userspace/agent/settings"),
    "userspace/agent/serve": ("userspace/agent/process", "userspace/agent/settings", "userspace/agent/control"),
}

# What only some rooms know, by the header's path; tests and bench are free.
KNOWLEDGE = (
    ("libbpf and the kernel's BPF interface", re.compile(r"^(bpf/(bpf|libbpf|btf)\.h|linux/bpf\.h)$|\.skel\.h$"),
     ("userspace/datapath/kernel", "bpf")),
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


def _included_room(include):
    # <bpf/bpf_helpers.h> and the like are libbpf's; ours are included with quotes.
    return None if include.quote == "<" and include.header.startswith("bpf/") else room_of(include.header)


def include_edges(tree):
    """A room includes only what ALLOWED gives it, and a library only where KNOWLEDGE puts it."""
    for path, text in tree.code():
        room = room_of(path)
        if room not in ALLOWED:
            continue
        for include in includes(text):
            target = _included_room(include)
            if target is not None and target != room and target not in ALLOWED[room]:
                if not (is_for_tests(path) and target == "tests"):
                    yield Finding(path, include.line, f"{room} may not include {target} ({include.header})")
            for what, pattern, knowers in KNOWLEDGE:
                if pattern.search(include.header) and not path.startswith(tuple(knower + "/" for knower in knowers)):
                    yield Finding(path, include.line, f"only {' and '.join(knowers)} know {what} ({include.header})")


def inner_edges(tree):
    """A folder includes only what INSIDE gives it of its own room; a test includes what it likes there."""
    for path, text in tree.code():
        folder = posixpath.dirname(path)
        if folder not in INSIDE or is_for_tests(path):
            continue
        for include in includes(text):
            target = posixpath.dirname(include.header)
            if room_of(include.header) != room_of(path) or target == folder or "testing" in target.split("/"):
                continue  # another rule's
            if target not in INSIDE[folder] and include.header not in INSIDE[folder]:
                yield Finding(path, include.line, f"{folder} may not include {target} ({include.header})")


def testing_stays_in_tests(tree):
    """Only tests include what stands in a folder named testing."""
    for path, text in tree.code():
        if is_for_tests(path):
            continue
        for include in includes(text):
            if "testing" in posixpath.dirname(include.header).split("/"):
                yield Finding(path, include.line, f"{include.header} is for tests; this file is part of a program")
