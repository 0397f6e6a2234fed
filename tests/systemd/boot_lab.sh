#!/bin/bash
# A real systemd as PID 1 of private namespaces, on a throw-away overlay of this machine. Needs root, overlayfs and cgroup v2.
# usage: boot_lab.sh LAB [SOURCE:TARGET …]
#   LAB/units/  units for the lab's /etc/systemd/system;  SOURCE:TARGET  folders shown read-only inside.
# The lab's PID 1 is the only child of this process.
set -eu
lab=$1
shift
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
mkdir -p "$lab/t"
mount -t tmpfs -o size=512m lab "$lab/t"
mkdir -p "$lab/t/upper" "$lab/t/work" "$lab/t/root"
export ROOT=$lab/t/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$lab/t/upper,workdir=$lab/t/work" "$ROOT"
rm -rf "$ROOT/etc/systemd/system"
mkdir -p "$ROOT/etc/systemd/system" "$ROOT/etc/driftwatch"
: > "$ROOT/etc/machine-id"
: > "$ROOT/etc/fstab"
cp -r "$lab"/units/* "$ROOT/etc/systemd/system/"
for shown in "$@"; do
    mkdir -p "$ROOT${shown#*:}"
    mount --bind -o ro "${shown%%:*}" "$ROOT${shown#*:}"
done
mkdir -p "$cgroups/dwlab-$$"
echo $$ > "$cgroups/dwlab-$$/cgroup.procs"
# pivot_root, not chroot: PrivateUsers fails in a chroot. A /dev of its own: PID 1 changes modes in it. rshared: credentials need it.
exec unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child --propagation private /bin/bash -euc '
ip link set lo up
hostname dwlab
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sysfs "$ROOT/sys"
mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<< "$device"
    mknod -m 666 "$ROOT/dev/$name" c "$major" "$minor"
done
mkdir "$ROOT/dev/pts" "$ROOT/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$ROOT/dev/pts"
ln -s pts/ptmx "$ROOT/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mknod -m 600 "$ROOT/dev/console" c 1 3
mkdir -p "$ROOT/.old"
cd "$ROOT"
pivot_root . .old
cd /
umount -l /.old
mount --make-rshared /
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=lab.target --log-target=journal-or-kmsg'
