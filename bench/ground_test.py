#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a run leaves if it is killed, the next run removes; what a live one uses stays: ground_test.py. Needs root."""
import contextlib, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time, unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests/packaging")]
import ground, outcome

PREFIX = f"shunt-bench-test{os.getpid()}"
# A run, with a process in its cgroup and one that ends with it.
RUN = f"""
import subprocess, sys, ground
with ground.Ground({PREFIX!r}) as here:
    here.namespace("plain")
    (here.bpffs / "pins").mkdir()
    inside = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (here.child_cgroup("client") / "cgroup.procs").write_text(str(inside.pid))
    outside = subprocess.Popen([*ground.ENDS_WITH_US, "sleep", "600"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    print(inside.pid, outside.pid, flush=True)
    sys.stdin.read()
    outside.kill()
"""


class Run:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-B", "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=HERE)
        self.children = [int(pid) for pid in self.process.stdout.readline().split()]
        self.name = f"{PREFIX}-{self.process.pid}"

    def end(self, kill=False):
        if kill:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def end_children(self):
        for pid in self.children:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)

    def traces(self):
        """Returns the kinds of what is there of the run."""
        mounts = pathlib.Path("/proc/self/mounts").read_text()
        found = {
            "namespace": list(ground.NAMESPACES.glob(f"{self.name}-*")),
            "directory": list(pathlib.Path(tempfile.gettempdir()).glob(f"{self.name}-*")),
            "cgroup": (ground.cgroup2_root() / self.name).exists(),
            "bpffs": re.search(rf"/{self.name}-\w+/bpffs ", mounts),
            "processes": [pid for pid in self.children if is_running(pid)],
        }
        return {kind for kind, what in found.items() if what}


EVERYTHING = {"namespace", "directory", "cgroup", "bpffs", "processes"}


def is_running(pid):
    """Whether it has not ended; one whose parent was killed may be there for a moment after its end."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def until(condition):
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


class GroundTest(unittest.TestCase):
    def run_of(self):
        run = Run()
        self.addCleanup(ground.remove, run.name)
        self.addCleanup(run.end_children)
        self.addCleanup(run.end)
        self.assertEqual(run.traces(), EVERYTHING)
        return run

    def test_a_run_removes_what_a_killed_one_left_and_nothing_that_a_live_one_uses(self):
        killed, live = self.run_of(), self.run_of()
        killed.end(kill=True)
        with_it = killed.children[1]
        self.assertTrue(until(lambda: not is_running(with_it)))
        self.assertEqual(killed.traces(), EVERYTHING)
        with ground.Ground(PREFIX):
            self.assertEqual(killed.traces(), set())
            self.assertEqual(live.traces(), EVERYTHING)
        self.assertEqual(live.traces(), EVERYTHING)
        live.end()
        self.assertEqual(live.traces(), set())

    def test_what_another_user_made_and_what_a_link_leads_to_stay(self):
        dead = f"{PREFIX}-{2**22 + 1}"  # no process has this number
        with ground.Ground(PREFIX) as here:
            foreign, own = (pathlib.Path(tempfile.mkdtemp(prefix=f"{dead}-")) for _ in range(2))
            for directory in (foreign, own):
                self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
                (directory / "bpffs").symlink_to(here.bpffs)
            os.chown(foreign, 65534, 65534)
            ground.remove(dead)
            self.assertTrue(here.bpffs.is_mount())
            self.assertTrue((foreign / "bpffs").is_symlink())
            self.assertFalse(own.exists())
            self.assertEqual(ground.left_by_the_dead(PREFIX), [here.name])

    def test_a_name_that_only_begins_alike_is_anothers(self):
        other = ground.cgroup2_root() / f"{PREFIX}-{2**22 + 1}x"  # no process has this number
        other.mkdir()
        self.addCleanup(other.rmdir)
        self.assertEqual(ground.left_by_the_dead(PREFIX), [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        outcome.skip_all("needs root: it makes namespaces, cgroups and mounts of its own")
    outcome.run()
