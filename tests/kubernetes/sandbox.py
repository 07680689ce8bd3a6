#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command in a world of its own: sandbox.py COMMAND [ARGUMENT...].

It has its own network, mount and process namespaces and a cgroup, whose path is in SHUNT_SANDBOX_CGROUP; bpffs, /run,
/var/run and $TMPDIR are private. When the command ends, in whatever way, all its processes and files and the cgroup go.

Exits with the command's status, or with 77 if this machine cannot (1 with SHUNT_REQUIRE_ROOT_TESTS=1).
"""

import ctypes
import os
import signal
import subprocess
import sys

_PREFIX = "shunt-test-"  # the same as tests/sandbox, which removes what a killed run of this left
_PR_SET_PDEATHSIG = 1
_SET_UP = """
set -e
mount -t bpf -o mode=0700 bpf /sys/fs/bpf
mount -t tmpfs none /run
[ -L /var/run ] || mount -t tmpfs none /var/run
mount -t tmpfs none /mnt
ip link set lo up
exec "$@"
"""


def cgroup_mount():
    with open("/proc/self/mounts", encoding="ascii") as mounts:
        for line in mounts:
            _, directory, kind, *_ = line.split()
            if kind == "cgroup2":
                return directory
    return None


def remove_cgroup(directory):
    """Removes the cgroup, and ends the processes in and below it."""
    with open(f"{directory}/cgroup.kill", "w", encoding="ascii") as kill:
        kill.write("1")
    for path, _, _ in os.walk(directory, topdown=False):
        wait = f"until rmdir {path} 2> /dev/null; do sleep 0.05; done"  # killed processes need a moment to leave
        subprocess.run(["timeout", "10", "sh", "-c", wait], check=False)


def run(command):
    directory = f"{cgroup_mount()}/{_PREFIX}{os.getpid()}"
    os.mkdir(directory)

    def enter():
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as members:
            members.write("0")

    try:
        inside = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                  "sh", "-c", _SET_UP, "sandbox", *command]
        environment = dict(os.environ, SHUNT_SANDBOX_CGROUP=directory, TMPDIR="/mnt")
        with subprocess.Popen(inside, env=environment, preexec_fn=enter) as child:
            signal.signal(signal.SIGTERM, lambda *_: child.kill())
            signal.signal(signal.SIGINT, lambda *_: child.kill())
            return child.wait()
    finally:
        remove_cgroup(directory)


def main():
    why = None
    if os.geteuid() != 0:
        why = "needs root: namespaces, a cgroup, BPF"
    elif cgroup_mount() is None:
        why = "no cgroup2 file system is mounted"
    if why is None:
        return run(sys.argv[1:])
    required = os.environ.get("SHUNT_REQUIRE_ROOT_TESTS") == "1"
    print(f"kubernetes: {'FAILED' if required else 'SKIPPED'}: {why}", file=sys.stderr)
    return 1 if required else 77


if __name__ == "__main__":
    sys.exit(main())
