# SPDX-License-Identifier: Apache-2.0
"""Where a run of the benchmarks happens: network namespaces, cgroups, a directory and a bpffs with names of its own."""
import os, pathlib, re, shutil, stat, subprocess, sys, tempfile, time

NAMESPACES = pathlib.Path("/run/netns")
# A program that is started behind these words ends with the run, even if that is killed.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")


def sh(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def cgroup2_root():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split()
        if fields[2] == "cgroup2":
            return pathlib.Path(fields[1])
    sys.exit("bench: no cgroup2 is mounted")


class Ground:
    """All of it has the name PREFIX-PID or begins with PREFIX-PID-. It is removed at the end, also after an error; a run
    that is killed leaves it, and the next run removes that. What has the name of a process that lives stays, be it a run
    or another program that got the number since."""

    def __init__(self, prefix="shunt-bench"):
        self.prefix, self.name = prefix, f"{prefix}-{os.getpid()}"
        self.cgroup = cgroup2_root() / self.name
        self.directory = self.bpffs = None

    def __enter__(self):
        for name in left_by_the_dead(self.prefix):
            print(f"bench: removing what {name} left", file=sys.stderr, flush=True)
            remove(name)
        try:
            self.cgroup.mkdir()
            self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
            self.bpffs = self.directory / "bpffs"
            self.bpffs.mkdir()
            sh("mount", "-t", "bpf", "bpf", str(self.bpffs))
        except BaseException:
            remove(self.name)
            raise
        return self

    def namespace(self, label):
        name = f"{self.name}-{label}"
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "set", "lo", "up")
        # Every address of 10/8 and fd00::/16 is local to this namespace: servers need no devices, and no packet can leave.
        sh("ip", "-n", name, "route", "add", "local", "10.0.0.0/8", "dev", "lo")
        sh("ip", "-n", name, "-6", "route", "add", "local", "fd00::/16", "dev", "lo")
        return name

    def child_cgroup(self, label):
        path = self.cgroup / label
        path.mkdir()
        return path

    def __exit__(self, *_):
        remove(self.name)


def left_by_the_dead(prefix):
    """Returns the names PREFIX-PID of which something is there, but no process with that number, except this one."""
    names = set()
    for paths in (NAMESPACES.glob("*"), own_directories("*"), cgroup2_root().glob("*")):
        for path in paths:
            if match := re.match(rf"{re.escape(prefix)}-(\d+)(?:-|$)", path.name):
                pid = int(match.group(1))
                if pid == os.getpid() or not os.path.exists(f"/proc/{pid}"):
                    names.add(f"{prefix}-{pid}")
    return sorted(names)


def own_directories(pattern):
    """Yields what a run may have left among the temporary files, where every user may make something of that name."""
    for path in pathlib.Path(tempfile.gettempdir()).glob(pattern):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            yield path


def remove(name):
    """Removes everything that has the name, and ends the processes in its cgroups."""
    cgroup = cgroup2_root() / name
    if cgroup.is_dir():
        (cgroup / "cgroup.kill").write_text("1")
    for path in NAMESPACES.glob(f"{name}-*"):
        subprocess.run(["ip", "netns", "del", path.name], check=False)
    for directory in own_directories(f"{name}-*"):
        if os.path.ismount(directory / "bpffs"):  # a link is none
            # Lazily, because a program that has just been killed may still be busy with it.
            subprocess.run(["umount", "--lazy", "--no-canonicalize", str(directory / "bpffs")], check=False)
        shutil.rmtree(directory, ignore_errors=True)
    for path, _, _ in os.walk(cgroup, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(path)
                break
            except OSError:
                time.sleep(0.1)  # killed processes leave a moment later
