#!/bin/sh
# Installs xenwatch from the directory of this script, for x86_64 and glibc 2.17 or newer.
#
# install.sh              installs or upgrades xenwatch, and starts it if systemd runs
# install.sh --uninstall  removes it; configuration and state stay
set -eu

# What was installed to its end has this file.
mark=/opt/xenwatch/installed

fail() {
    echo "install.sh: $1" >&2
    exit "${2:-1}"
}

# The comment at the top.
help() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
}

systemd_runs() {
    [ -d /run/systemd/system ]
}

# Remove the units of the installed version.
remove_units() {
    for path in /opt/xenwatch/share/systemd/xenwatch*.*; do
        rm -f "/etc/systemd/system/${path##*/}"
    done
    rm -f /etc/tmpfiles.d/xenwatch.conf
}

uninstall() {
    [ -d /opt/xenwatch/share ] || fail "/opt/xenwatch/share is missing: no archive is installed"
    if systemd_runs; then
        # One by one: those that cannot be enabled are an error.
        for path in /opt/xenwatch/share/systemd/xenwatch*.*; do
            systemctl disable "${path##*/}" >/dev/null 2>&1 || true
        done
        systemctl stop 'xenwatch*.socket' 'xenwatch*.service' || true
    fi
    /opt/xenwatch/share/host-setup remove
    remove_units
    while read -r link target; do
        [ "$(readlink "$link")" != "$target" ] || rm "$link"
    done </opt/xenwatch/share/links
    rm -rf /opt/xenwatch
    if systemd_runs; then
        systemctl daemon-reload
    fi
    echo "xenwatch is removed; /etc/xenwatch, /var/lib/xenwatch and the user xenwatch are left"
}

install() {
    here=$(cd "$(dirname "$0")" && pwd)
    [ -d "$here/xenwatch" ] || fail "$here/xenwatch is missing: unpack the whole archive"
    "$here/xenwatch/bin/python3.13" -I -c 'import ssl, ctypes; ctypes.CDLL("libgcc_s.so.1")' ||
        fail "the interpreter does not run here; it needs x86_64, glibc 2.17 or newer, and libgcc"
    # The daemon's user reads the tree, whatever the umask of root and of who has unpacked it.
    umask 022
    rm -rf /opt/xenwatch.new /opt/xenwatch.old
    mkdir -p /opt /etc/xenwatch
    cp -R "$here/xenwatch" /opt/xenwatch.new
    chown -R root:root /opt/xenwatch.new
    chmod -R u=rwX,go=rX /opt/xenwatch.new
    upgrade=
    # Of an installation that has failed there is a tree without the mark, or of version 0.1 one of pip's.
    if [ -e "$mark" ] || [ -e /opt/xenwatch/pyvenv.cfg ]; then
        upgrade=1
        touch "/opt/xenwatch.new/${mark##*/}"
    fi
    # Not before the copy: if that fails, what was installed is whole.
    if [ -e /opt/xenwatch ]; then
        remove_units
        mv /opt/xenwatch /opt/xenwatch.old
    fi
    mv /opt/xenwatch.new /opt/xenwatch
    rm -rf /opt/xenwatch.old

    while read -r link target; do
        mkdir -p "${link%/*}"
        ln -sfn "$target" "$link"
    done </opt/xenwatch/share/links
    [ -e /etc/xenwatch/xenwatch.toml ] || cp /opt/xenwatch/share/xenwatch.toml /etc/xenwatch/
    for path in /opt/xenwatch/share/systemd/xenwatch*.*; do
        mkdir -p /etc/systemd/system
        cp "$path" /etc/systemd/system/
    done
    if [ -e /opt/xenwatch/share/systemd/tmpfiles.d/xenwatch.conf ]; then
        mkdir -p /etc/tmpfiles.d
        cp /opt/xenwatch/share/systemd/tmpfiles.d/xenwatch.conf /etc/tmpfiles.d/
    fi
    /opt/xenwatch/share/host-setup install
    start
    touch "$mark"
}

start() {
    if ! systemd_runs; then
        echo "$(/usr/bin/xenwatch --version) is installed; systemd is not running here; start it with: xenwatch run"
    elif [ -n "$upgrade" ]; then
        systemctl daemon-reload
        systemctl try-restart 'xenwatch*.service' || true
        echo "$(/usr/bin/xenwatch --version) is installed; to check it: systemctl status xenwatch"
    else
        systemctl daemon-reload
        systemctl enable xenwatch.service
        systemctl start xenwatch.service
        echo "$(/usr/bin/xenwatch --version) is installed and started; to check it: systemctl status xenwatch"
    fi
}

case ${1:-} in
--help | -h)
    help
    exit
    ;;
'' | --uninstall) ;;
*) fail "unknown option $1; usage: install.sh [--help | --uninstall]" 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail "it must be run as root"
if [ -n "$(dpkg-query -W -f '${Version}' xenwatch 2>/dev/null)" ] || rpm -q xenwatch >/dev/null 2>&1; then
    fail "xenwatch is installed from a package; use apt or rpm"
fi
if [ -n "${1:-}" ]; then
    uninstall
else
    install
fi
