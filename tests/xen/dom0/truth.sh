#!/bin/sh
# What the tools and the kernel of this dom0 say, each answer in a file of its own below DIRECTORY.
# Usage: truth.sh DIRECTORY [moving]
# With `moving`, only what changes by itself from one moment to the next.
set -u
scripts=$(cd "$(dirname "$0")" && pwd)
export PATH="$PATH:$(echo /usr/lib/xen-4.*/bin)" LC_ALL=C
rm -rf "$1"
mkdir -p "$1"
cd "$1" || exit 1

account() { # /proc/PID: CPU ticks, threads, voluntary switches, nanoseconds waited for a CPU
    awk '{print $14 + $15, $20}' "$1/stat"
    awk '/^voluntary_ctxt_switches/ {n += $2} END {printf "%.0f\n", n}' "$1"/task/*/status
    awk '{n += $2} END {printf "%.0f\n", n}' "$1"/task/*/schedstat
}

# Debian has it for amd64 alone.
if ! command -v lsevtchn > /dev/null; then
    lsevtchn() { "$scripts/lsevtchn.py" "$1"; }
fi

xl list > xl-list
account "/proc/$(cat /run/xenstore.pid)" > xenstored-times
account "/proc/$(cat /run/xenconsoled.pid)" > xenconsoled-times
for pid in $(pgrep -f -- '-xen-domid [1-9]'); do
    domid=$(tr '\0' '\n' < "/proc/$pid/cmdline" | grep -A1 -x -e -xen-domid | tail -n 1)
    account "/proc/$pid" > "qemu-$domid"
    tr '\0' ' ' < "/proc/$pid/cmdline" > "qemu-args-$domid"
    ls "/proc/$pid/fd" | wc -l > "qemu-fds-$domid"
    awk '/^Max open files/ {print $4}' "/proc/$pid/limits" > "qemu-fds-max-$domid"
done
# xl logs: Waiting for domain NAME (domid 3) to die [pid 511]
sed -nE 's/^.*\(domid ([0-9]+)\) to die \[pid ([0-9]+)\]$/\1 \2/p' /var/log/xen/xl-*.log 2> /dev/null |
    while read -r domid pid; do
        [ "$(cat "/proc/$pid/comm" 2> /dev/null)" != xl ] ||
            awk 'FILENAME ~ /stat$/ {print $14 + $15} /^RssAnon:/ {print $2}' \
                "/proc/$pid/stat" "/proc/$pid/status" > "xl-$domid"
    done
for slice in system.slice user.slice; do
    group="/sys/fs/cgroup/$slice"
    [ ! -d "$group" ] || cat "$group/cpu.weight" "$group/cpu.stat" "$group/cpu.pressure" > "$slice"
done
ps -eL --no-headers | wc -l > tasks
free -b > free
cat /proc/meminfo > meminfo
cut -f 1 /proc/sys/fs/file-nr > files
df -B1 --output=used,avail,size,target / > df
df --output=iused,itotal,target / > df-inodes
[ "${2:-}" != moving ] || exit 0

daemon() { # role, pid
    # The fewest of some: xenwatch itself connects to xenstored for a moment, to ask its quotas.
    for _ in 1 2 3 4; do
        ls "/proc/$2/fd" | wc -l
        sleep 0.5
    done | sort -n | head -n 1 > "$1-fds"
    awk '/^Max open files/ {print $4}' "/proc/$2/limits" > "$1-fds-max"
    cat "/proc/$2/comm" > "$1-comm"
}

daemon xenstored "$(cat /run/xenstore.pid)"
daemon xenconsoled "$(cat /run/xenconsoled.pid)"
xl vm-list > xl-vm-list
xl list -l > xl-list-l
xl info > xl-info
xl sched-credit2 -d Domain-0 > scheduler 2> /dev/null || xl sched-credit -d Domain-0 > scheduler
xl vcpu-list Domain-0 > vcpu-list
uname -rm > uname
cat /etc/os-release > os-release
dmesg | grep -e 'NR_IRQS:' -e 'xen:events: Using' > kernel-log
lsevtchn 0 > lsevtchn-0
xenstore-ls -f /local/domain/0/backend > backend 2> /dev/null
xenstore-ls -f /local/domain/0/error > error-0 2> /dev/null
# Permissions begin with the owner, as in (n0,r5).
xenstore-ls -f -p | sed -nE 's/.*\([nrwb]([0-9]+)[^()]*\)$/\1/p' > owners
if [ "$(cat "/proc/$(cat /run/xenstore.pid)/comm")" = xenstored ]; then
    for domid in "" $(xenstore-list /local/domain); do
        [ "$domid" = 0 ] || timeout 10 xenstore-control quota $domid > "quota-$domid"
    done
else
    sed -nE 's/^quota-maxentity *= *([0-9]+).*/nodes : \1/p' /etc/xen/oxenstored.conf > quota-
fi
for domid in $(xenstore-list /local/domain); do
    xen-diag gnttab_query_size "$domid" > "gnttab-$domid"
    xenstore-read -R "/local/domain/$domid/name" > "name-$domid"
    xenstore-list "/local/domain/$domid/cpu" 2> /dev/null | wc -l > "vcpus-max-$domid"
    [ "$domid" = 0 ] || lsevtchn "$domid" > "lsevtchn-$domid"
    [ "$domid" = 0 ] || xenstore-ls -f "/local/domain/$domid/error" > "error-$domid" 2> /dev/null
done
xenstore-read /local/domain/0/memory/target > memory-target
# Xen's console has earlier dumps too, of guests that are gone.
xl debug-keys q && xl dmesg | awk '
    /pressed -> dumping domain info/ {rows = ""}
    /General information for domain/ {domid = $NF + 0}
    /PoD entries=/ {rows = rows domid " " $NF " " $(NF - 1) "\n"}
    END {printf "%s", rows}' > populate-on-demand
# What has no chip is not in /proc/irq, and neither is what Arm's controllers hand on to another one.
(
    ls -d /proc/irq/[0-9]*
    grep -l '^none' /sys/kernel/irq/*/chip_name
    grep -l -x -F '(null)' /sys/kernel/irq/*/actions
) | wc -l > irqs
ls /dev/pts | grep -c '^[0-9]' > ptys
sysctl -n kernel.pty.max > ptys-max
sysctl -n fs.aio-nr > aio
sysctl -n fs.aio-max-nr > aio-max
sysctl -n fs.file-max > files-max
sysctl -n kernel.pid_max > pid-max
sysctl -n kernel.threads-max > threads-max
awk '$1 == "0:" {split($4, n, "/"); print n[1]}' /proc/key-users > root-keys
awk '$1 == "0:" {split($5, n, "/"); print n[1]}' /proc/key-users > root-bytes
sysctl -n kernel.keys.root_maxkeys > root-maxkeys
sysctl -n kernel.keys.root_maxbytes > root-maxbytes
for family in ipv4 ipv6; do
    sysctl -n "net.$family.neigh.default.gc_thresh3" > "neighbours-max-$family"
done
entries() {
    ip -s ntable show name "$1" |
        awk '{for (i = 1; i < NF; i++) if ($i == "entries") {print $(i + 1); exit}}'
}
entries arp_cache > neighbours-ipv4
entries ndisc_cache > neighbours-ipv6
# There once the module is loaded.
if [ -e /proc/net/nf_conntrack ]; then
    wc -l < /proc/net/nf_conntrack > conntrack
    sysctl -n net.netfilter.nf_conntrack_max > conntrack-max
fi
losetup -l -n -O NAME | wc -l > loops
bridge link show > bridge-link
