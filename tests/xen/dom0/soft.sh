#!/bin/sh
# What the kernel's own files say of the datapath of this dom0: a series and its value a line.
set -u
export LC_ALL=C
for stat in $(grep -lsE '\((vif[0-9]|[0-9]+\.xvd|[^)]*qemu)' /proc/[0-9]*/stat); do
    # The name may hold anything: what is behind its last parenthesis is counted from field 3 on.
    comm=$(sed -n 's/^[0-9]* (\(.*\)) .*/\1/p' "$stat" 2> /dev/null)
    case $comm in
        vif[0-9]*.[0-9]*-q*) kind=netback domid=$(echo "$comm" | sed 's/^vif\([0-9]*\).*/\1/') ;;
        [0-9]*.xvd*) kind=blkback domid=${comm%%.*} ;;
        *qemu*)
            args=$(tr '\0' ' ' < "${stat%/stat}/cmdline")
            case $args in *" -xen-attach "*) ;; *) continue ;; esac
            kind=qdisk domid=$(echo "$args" | sed 's/.* -xen-domid \([0-9]*\) .*/\1/')
            ;;
        *) continue ;;
    esac
    ticks=$(sed 's/.*) //' "$stat" | awk '{print $12 + $13}')
    echo "datapath $domid $kind $ticks"
done | awk '{n[$2 " " $3] += $4} END {for (key in n) print "datapath", key, n[key] / 100}'
for vif in /sys/class/net/vif*.*; do
    [ -d "$vif/queues" ] || continue
    name=${vif##*/}
    case $name in *-emu) continue ;; esac
    domid=$(echo "$name" | sed 's/^vif\([0-9]*\).*/\1/')
    [ "$(cat "$vif/device/state")" != Connected ] ||
        echo "queues $domid $name $(find "$vif/queues/" -name 'tx-*' | wc -l)"
    echo "dropped $domid $name rx $(cat "$vif/statistics/rx_dropped")"
    echo "dropped $domid $name tx $(cat "$vif/statistics/tx_dropped")"
    [ -e "$vif/brport" ]
    echo "unattached $domid $?"
done | awk '$1 == "unattached" {n[$2] += $3; next} {print} END {for (key in n) print "unattached", key, n[key]}'
for disk in /sys/bus/xen-backend/devices/vbd-*; do
    [ -d "$disk/statistics" ] || continue
    its=$(echo "${disk##*/}" | sed 's/^vbd-//; s/-/ /')
    numbers=$(cat "$disk/physical_device")
    major=$(printf %d "0x${numbers%:*}") minor=$(printf %d "0x${numbers#*:}")
    echo "info $its $(basename "$(readlink "/sys/dev/block/$major:$minor")")"
    echo "requests $its read $(cat "$disk/statistics/rd_req")"
    echo "requests $its write $(cat "$disk/statistics/wr_req")"
    echo "bytes $its read $(($(cat "$disk/statistics/rd_sect") * 512))"
    echo "bytes $its write $(($(cat "$disk/statistics/wr_sect") * 512))"
    echo "waited $its $(cat "$disk/statistics/oo_req")"
done
echo "vcpus $(nproc --all)"
awk '/^cpu[0-9]/ {c = substr($1, 4); split("user nice system idle iowait irq softirq steal", m)
    for (i = 1; i <= 8; i++) print "cpu", c, m[i], $(i + 1) / 100}' /proc/stat
