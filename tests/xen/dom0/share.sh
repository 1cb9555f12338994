#!/bin/sh
# Print the share that three busy tasks of a service get of one CPU beside six of the root group.
set -eu

root=/sys/fs/cgroup
groups=$root
if [ ! -e $root/cgroup.controllers ]; then
    root=/sys/fs/cgroup/cpu
    groups=/sys/fs/cgroup/systemd
fi
autogroup=/proc/sys/kernel/sched_autogroup_enabled
old=0
if [ -e $autogroup ]; then
    old=$(cat $autogroup)
    echo 0 >$autogroup
fi

busy='while :; do :; done'
systemd-run --quiet --unit=xenwatch-share taskset -c 0 \
    sh -c "for i in 1 2 3; do ($busy) & done; wait"
beside=
for _ in 1 2 3 4 5 6; do
    taskset -c 0 sh -c "$busy" &
    echo $! >$root/cgroup.procs
    beside="$beside $!"
done
end() {
    # shellcheck disable=SC2086
    kill $beside 2>/dev/null || :
    systemctl stop xenwatch-share
    if [ -e $autogroup ]; then echo "$old" >$autogroup; fi
}
trap end EXIT
sleep 2

ticks() {
    for pid in "$@"; do cat "/proc/$pid/stat"; done | awk '{ sum += $14 + $15 } END { print sum }'
}
# shellcheck disable=SC2046
service() { ticks $(cat $groups/system.slice/xenwatch-share.service/cgroup.procs); }
service_before=$(service)
# shellcheck disable=SC2086
beside_before=$(ticks $beside)
sleep 20
service_after=$(service)
# shellcheck disable=SC2086
beside_after=$(ticks $beside)
awk -v s=$((service_after - service_before)) -v b=$((beside_after - beside_before)) \
    'BEGIN { printf "%.3f\n", s / (s + b) }'
