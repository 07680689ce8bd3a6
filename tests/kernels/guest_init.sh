#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC1091,SC2013,SC2046
# PID 1 of the guest: mounts what a test needs of a Linux system, runs the test, and powers off. check_kernel.sh reads
# the SHUNT-GUEST lines from the console.

/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /run /tmp /etc
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpffs /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
ip link set lo up
ulimit -n 65536

for module in $(cat /modules); do
  insmod "$module" || echo "SHUNT-GUEST module $module: not loaded"
done

read -r uptime _ < /proc/uptime
echo "SHUNT-GUEST boot $uptime $(uname -r)"
cd /tmp || exit 1
. /environment
set -f  # the arguments hold patterns of test names
/test $(cat /arguments)
echo "SHUNT-GUEST exit $?"
poweroff -f
