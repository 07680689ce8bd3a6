# SPDX-License-Identifier: Apache-2.0
"""The node's network and, across a wire, the namespace that stands for all pods.

Every address of the pod ranges is local in the pods' namespace, so that one server there is every backend at once, and
answers with the address that a connection reached. The node has no default route, so a connection that is not
translated fails at once.
"""

import subprocess

NODE_NAME = "node-1"
NODE_ADDRESS = "192.0.2.10"
NODE_ADDRESS_V6 = "2001:db8::10"
POD_RANGE = "10.244.0.0/14"
POD_RANGE_V6 = "fd00:244::/64"
PODS = "pods"  # the namespace's name

# An address across the wire, which can be cut off.
FAR_ADDRESS = "192.0.2.2"

_PODS_ADDRESS = "192.0.2.1"
_PODS_ADDRESS_V6 = "2001:db8::1"
_SET_UP = f"""
netns add {PODS}
link add eth0 type veth peer name eth0 netns {PODS}
address add {NODE_ADDRESS}/24 dev eth0
address add {NODE_ADDRESS_V6}/64 dev eth0 nodad
link set eth0 up
-n {PODS} link set lo up
-n {PODS} address add {_PODS_ADDRESS}/24 dev eth0
-n {PODS} address add {_PODS_ADDRESS_V6}/64 dev eth0 nodad
-n {PODS} link set eth0 up
-n {PODS} route add local {POD_RANGE} dev lo
-n {PODS} -6 route add local {POD_RANGE_V6} dev lo
route add {POD_RANGE} via {_PODS_ADDRESS}
-6 route add {POD_RANGE_V6} via {_PODS_ADDRESS_V6}
"""


def set_up():
    """Sets up the network. REQUIRES: this is a new network namespace of the test's own (sandbox.py)."""
    for line in _SET_UP.strip().splitlines():
        subprocess.run(["ip", *line.split()], check=True)


def join_far():
    """Makes FAR_ADDRESS reachable."""
    subprocess.run(["ip", "-n", PODS, "address", "add", f"{FAR_ADDRESS}/32", "dev", "eth0"], check=True)


def cut_far():
    """Makes FAR_ADDRESS silently unreachable."""
    subprocess.run(["ip", "-n", PODS, "address", "del", f"{FAR_ADDRESS}/32", "dev", "eth0"], check=True)


def in_pods(command):
    """Returns the command that runs `command` in the pods' namespace."""
    return ["nsenter", f"--net=/run/netns/{PODS}", *command]
