# SPDX-License-Identifier: Apache-2.0
"""A container as a kubelet would make one for the DaemonSet, run by runc: the image's files, and exactly the manifest's
user, capabilities, mounts and seccomp profile. The calling process's namespaces and cgroup stand for the node's: its
network namespace is the pod's, as with hostNetwork."""

import json
import os
import platform
import subprocess
import tarfile

PROFILE = "/usr/share/containers/seccomp.json"


def unpack(archive, directory):
    """Unpacks the OCI archive's root file system into `directory`, with owners; returns the image's configuration."""
    with tarfile.open(archive) as tar:
        manifest = _manifest(tar)
        with _only_layer(tar, manifest) as files:
            files.extraction_filter = lambda member, path: member  # newer versions of Python would drop owners
            files.extractall(directory, numeric_owner=True)
        return json.load(_blob(tar, manifest["config"]))["config"]


def members(archive):
    """Returns what the layer says of each of its files."""
    with tarfile.open(archive) as tar, _only_layer(tar, _manifest(tar)) as files:
        return files.getmembers()


def _manifest(tar):
    index = json.load(tar.extractfile("index.json"))
    return json.load(_blob(tar, index["manifests"][0]))


def _blob(tar, descriptor):
    return tar.extractfile("blobs/" + descriptor["digest"].replace(":", "/"))


def _only_layer(tar, manifest):
    (layer,) = manifest["layers"]
    return tarfile.open(fileobj=_blob(tar, layer), mode="r|gz")


def runtime_default(capabilities):
    """Returns containerd's seccomp profile RuntimeDefault: that of containers/common, which Debian has, and the rule
    that it lacks (containerd since 1.7): bpf for CAP_BPF, perf_event_open for CAP_PERFMON."""
    with open(PROFILE, encoding="utf-8") as file:
        profile = json.load(file)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

    def applies(rule):
        included, excluded = rule.get("includes") or {}, rule.get("excludes") or {}
        return (set(included.get("caps", [])) <= set(capabilities)
                and (not included.get("arches") or machine in included["arches"])
                and not set(excluded.get("caps", [])) & set(capabilities)
                and machine not in excluded.get("arches", []))

    granted = [call for capability, call in (("CAP_BPF", "bpf"), ("CAP_PERFMON", "perf_event_open"))
               if capability in capabilities]
    calls = []
    for rule in filter(applies, profile["syscalls"]):
        kept = {key: rule[key] for key in ("action", "args", "errnoRet") if rule.get(key)}
        names = [name for name in rule["names"] if name not in granted]
        if names:
            calls.append({**kept, "names": names})
    if granted:
        calls.append({"action": "SCMP_ACT_ALLOW", "names": granted})
    architectures = {"amd64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}.get(machine, [])
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
            "architectures": architectures, "syscalls": calls}


class Container:
    """A container of the DaemonSet's pod template `pod`. `image` is the image's configuration; `host` maps each of the
    pod's host paths and ConfigMaps to a directory; `mounts` are more mounts, as (directory, path)."""

    def __init__(self, directory, root, image, pod, host, mounts=()):
        (self._spec,) = pod["containers"]
        self._image = image
        self._directory, self._root, self._host = directory, root, host
        self._volumes = {volume["name"]: volume for volume in pod["volumes"]}
        self._mounts = [self._mount_of(mount) for mount in self._spec["volumeMounts"]]
        self._mounts += [_bind(source, path, ["ro"]) for source, path in mounts]

    def start(self, name, arguments, without=()):
        """Returns the process of `runc run` with these arguments of the entry point, its output in a pipe. `without`
        names capabilities that it is denied."""
        bundle = os.path.join(self._directory, name)
        os.mkdir(bundle)
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self._configuration(name, arguments, without), file)
        return subprocess.Popen([*self._runc(), "run", "--bundle", bundle, name], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, name, arguments, without=()):
        """Returns (exit status, output)."""
        process = self.start(name, arguments, without)
        output, _ = process.communicate()
        return process.returncode, output

    def execute(self, name, command):
        """Runs a command in the running container, as `kubectl exec` does; returns (exit status, output)."""
        done = subprocess.run([*self._runc(), "exec", name, *command], check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def signal(self, name, which):
        subprocess.run([*self._runc(), "kill", name, which], check=True)

    def remove(self, name):
        """Ends the container in any state, if it exists."""
        subprocess.run([*self._runc(), "delete", "--force", name], check=True)

    def _runc(self):
        return ["runc", "--root", os.path.join(self._directory, "state")]

    def _mount_of(self, mount):
        volume = self._volumes[mount["name"]]
        source = volume["hostPath"]["path"] if "hostPath" in volume else volume["configMap"]["name"]
        options = ["ro"] if mount.get("readOnly") else ["rw"]
        if mount.get("mountPropagation") == "HostToContainer":
            options.append("rslave")
        return _bind(self._host[source], mount["mountPath"], options)

    def _configuration(self, name, arguments, without):
        context = self._spec["securityContext"]
        added = ["CAP_" + name for name in context["capabilities"]["add"] if name not in without]
        return {
            "ociVersion": "1.0.2",
            "root": {"path": self._root, "readonly": context["readOnlyRootFilesystem"]},
            "process": {
                "args": [*self._image["Entrypoint"], *arguments], "cwd": "/",
                "env": [*self._image["Env"], "NODE_NAME=node-a"],
                "user": {"uid": context["runAsUser"], "gid": context["runAsGroup"]},
                "noNewPrivileges": not context["allowPrivilegeEscalation"],
                "capabilities": {kind: added for kind in ("bounding", "effective", "permitted")},
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "ro"]},
                *self._mounts,
            ],
            "linux": {
                "cgroupsPath": f"/{name}",
                "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")],
                "seccomp": runtime_default(added),
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        }


def _bind(source, path, options):
    return {"destination": path, "type": "bind", "source": source, "options": ["rbind", *options]}
