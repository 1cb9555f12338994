#!/bin/sh
# Installs xenwatch from the directory of this script, for x86_64 and glibc 2.17 or newer.
#
# install.sh              installs or upgrades xenwatch, and starts it if systemd runs
# install.sh --uninstall  removes it; configuration and state stay
set -eu

tree=/opt/xenwatch
# What was installed to its end has this file.
mark=$tree/installed

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

# What an installation leaves that was interrupted: half a copy, or the installed tree under another name.
tidy() {
    rm -rf "$tree.new"
    [ -e "$tree" ] || [ ! -e "$tree.old" ] || mv "$tree.old" "$tree"
}

# Remove the tree that was replaced, and what only that one has outside.
remove_old() {
    if [ -x "$tree.old/share/host-setup" ]; then
        "$tree.old/share/host-setup" remove-outside || true
    fi
    rm -rf "$tree.old"
}

uninstall() {
    share=$tree/share
    # From a damaged installation this archive removes what it would have installed.
    [ -x "$share/host-setup" ] && [ -e "$share/links" ] || share=$here/xenwatch/share
    [ -e "$mark" ] || [ -d "$tree/share" ] || [ "$(readlink /usr/bin/xenwatch)" = "$tree/bin/xenwatch" ] ||
        fail "$mark is missing: no archive is installed"
    [ -x "$share/host-setup" ] || fail "$share is missing: unpack the whole archive"
    if systemd_runs; then
        # One by one: those that cannot be enabled are an error.
        for path in "$share"/systemd/xenwatch*.*; do
            systemctl disable "${path##*/}" >/dev/null 2>&1 || true
        done
        systemctl stop 'xenwatch*.socket' 'xenwatch*.service' || true
    fi
    "$share/host-setup" remove
    "$share/host-setup" remove-outside
    remove_old
    rm -rf "$tree"
    if systemd_runs; then
        systemctl daemon-reload
    fi
    echo "xenwatch is removed; /etc/xenwatch, /var/lib/xenwatch, the user xenwatch and your own units and drop-ins in /etc/systemd/system are left"
}

# Whether the bundled interpreter runs here, with what the extensions need.
try_interpreter() {
    status=0
    "$here/xenwatch/bin/python3.13" -I -c 'import ssl, ctypes; ctypes.CDLL("libgcc_s.so.1")' || status=$?
    case $status in
    0) ;;
    126) fail "$here/xenwatch/bin/python3.13 cannot be executed; it needs x86_64, and a file system that is not mounted noexec" ;;
    *) fail "the interpreter does not run here; it needs x86_64, glibc 2.17 or newer, and libgcc" ;;
    esac
}

install() {
    [ -d "$here/xenwatch" ] || fail "$here/xenwatch is missing: unpack the whole archive"
    try_interpreter
    # The daemon's user reads the tree, whatever the umask of root and of who has unpacked it.
    umask 022
    mkdir -p /opt /etc/xenwatch
    cp -R "$here/xenwatch" "$tree.new"
    chown -R root:root "$tree.new"
    chmod -R u=rwX,go=rX "$tree.new"
    upgrade=
    # Of an installation that has failed there is a tree without the mark, or of version 0.1 one of pip's.
    if [ -e "$mark" ] || [ -e "$tree/pyvenv.cfg" ]; then
        upgrade=1
        touch "$tree.new/${mark##*/}"
    fi
    # Not before the copy, and units not before the trees: if one fails, what was installed is whole.
    if [ -e "$tree" ]; then
        remove_old
        mv "$tree" "$tree.old" || fail "$tree cannot be renamed, and is left as it was; a mount point has to be unmounted"
    fi
    mv "$tree.new" "$tree"
    remove_old
    "$tree/share/host-setup" put-outside
    [ -e /etc/xenwatch/xenwatch.toml ] || cp "$tree/share/xenwatch.toml" /etc/xenwatch/
    "$tree/share/host-setup" install
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
        # Of a package that was removed there may be a link to its unit.
        systemctl --force enable xenwatch.service
        systemctl start xenwatch.service
        echo "$(/usr/bin/xenwatch --version) is installed and started; to check it: systemctl status xenwatch"
    fi
}

case "$*" in
--help | -h)
    help
    exit
    ;;
'' | --uninstall) ;;
*) fail "unknown option $*; usage: install.sh [--help | --uninstall]" 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail "it must be run as root"
case $(dpkg-query -W -f '${db:Status-Status}' xenwatch 2>/dev/null) in
# After `apt remove` dpkg knows its configuration alone.
'' | not-installed | config-files) ! rpm -q xenwatch >/dev/null 2>&1 ;;
*) false ;;
esac || fail "xenwatch is installed from a package; use apt or rpm"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
trap tidy EXIT
trap 'exit 1' HUP INT TERM
tidy
if [ $# -eq 0 ]; then
    install
else
    uninstall
fi
