"""Sockets to listen on: addresses, what is in the way, what systemd passes."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tools import need
from xenwatch.http.sockets import ListenError, bind, inherited, remove_files, urls


@pytest.mark.parametrize(
    ("address", "host", "connect"),
    [
        ("127.0.0.1:0", "127.0.0.1", "127.0.0.1"),
        (":0", "localhost", "127.0.0.1"),
        ("[::1]:0", "[::1]", "::1"),
    ],
)
def test_addresses_are_listened_on(address: str, host: str, connect: str) -> None:
    """Every way to write an address gives a socket that accepts, and an address to open."""
    if connect == "::1":
        need("IPv6 loopback")
    with ExitStack() as stack:
        sockets = [stack.enter_context(sock) for sock in bind([address])]
        port = sockets[0].getsockname()[1]
        stack.enter_context(socket.create_connection((connect, port)))

        assert urls(sockets[0], "/metrics")[0] == f"http://{host}:{port}/metrics"


def test_all_addresses_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket on all addresses names those of the machine that another machine can open."""
    found = {
        "lo": [entry(socket.AF_INET, "127.0.0.1")],
        "xenbr0": [
            entry(socket.AF_INET, "192.0.2.7"),
            entry(socket.AF_INET6, "2001:db8::7"),
            entry(socket.AF_INET6, "fe80::1%xenbr0"),
            entry(socket.AF_PACKET, "02:00:00:00:00:01"),
        ],
    }
    monkeypatch.setattr("psutil.net_if_addrs", lambda: found)
    with socket.create_server(("", 0)) as sock:
        port = sock.getsockname()[1]
        expected = [f"http://localhost:{port}/", f"http://192.0.2.7:{port}/"]
        assert urls(sock) == expected
    (double,) = bind([":0"])
    with double:
        port = double.getsockname()[1]
        last = f"http://[2001:db8::7]:{port}/"
        assert (last in urls(double)) is socket.has_dualstack_ipv6()


def entry(family: int, address: str) -> SimpleNamespace:
    """An address of an interface as psutil has it."""
    return SimpleNamespace(family=family, address=address)


def test_an_address_in_use_is_named() -> None:
    """Another program's port is refused with the address, the reason and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"{address}: Address already in use; choose another"):
            bind(["127.0.0.1:0", address])


def test_sockets_of_systemd_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets passed to this process are taken from the first descriptor on, once."""
    with socket.create_server(("127.0.0.1", 0)) as passed:
        monkeypatch.setattr("xenwatch.sockets.passed.FIRST_DESCRIPTOR", os.dup(passed.fileno()))
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a"}
        (taken,) = inherited(environment)
        with taken:
            assert taken.getsockname() == passed.getsockname()
            assert not taken.get_inheritable()

    assert environment == {}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"},
    ],
)
def test_no_socket_of_systemd_is_an_error(environment: dict[str, str]) -> None:
    """Without a socket for this process the message says how to get one."""
    with pytest.raises(ListenError, match="no socket passed by systemd; start the socket unit"):
        inherited(environment)


def test_what_systemd_passes_must_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection, a datagram socket, a file and a closed descriptor are refused by number."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket(type=socket.SOCK_DGRAM) as datagrams, open(os.devnull) as file:
        copies = [os.dup(wrong.fileno()) for wrong in (ours, datagrams, file, file)]
        os.close(copies[-1])
        for copy in copies:
            monkeypatch.setattr("xenwatch.sockets.passed.FIRST_DESCRIPTOR", copy)
            environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
            with pytest.raises(
                ListenError, match=f"passed descriptor {copy}, which is not a listen"
            ):
                inherited(environment)


def test_a_unix_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    """It accepts, others than owner and group may not open it, and its file is removed."""
    path = tmp_path / "web.sock"
    with ExitStack() as stack:
        sockets = [stack.enter_context(sock) for sock in bind([f"unix:{path}"])]
        client = stack.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(str(path))

        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert urls(sockets[0]) == [f"unix:{path}"]
        remove_files(sockets)
    assert not path.exists()


def test_the_mode_is_set_of_the_socket_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that somebody puts in place of the new socket changes the mode of no other file."""
    path, victim = tmp_path / "web.sock", tmp_path / "victim"
    victim.touch(0o600)
    listening = socket.socket.bind

    def swapped(sock: socket.socket, address: str) -> None:
        listening(sock, address)
        path.unlink()
        path.symlink_to(victim)

    monkeypatch.setattr(socket.socket, "bind", swapped)
    with pytest.raises(ListenError, match=f"unix:{path}: Address already in use"):
        bind([f"unix:{path}"])
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600


def test_a_unix_socket_that_was_left_is_replaced(tmp_path: Path) -> None:
    """A file of a daemon that was killed is replaced; another daemon's and other files are not."""
    path, file = tmp_path / "web.sock", tmp_path / "file"
    file.write_text("kept")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with ExitStack() as stack:
        stack.enter_context(bind([f"unix:{path}"])[0])
        for taken in (path, file):
            with pytest.raises(ListenError, match=f"unix:{taken}: Address already in use; choose"):
                bind([f"unix:{taken}"])
    assert file.read_text() == "kept"


def test_files_of_unix_sockets_do_not_outlive_a_failure(tmp_path: Path) -> None:
    """Where a later address is taken, the file of an earlier one is removed."""
    path = tmp_path / "web.sock"
    with pytest.raises(ListenError, match="No such file or directory"):
        bind([f"unix:{path}", f"unix:{tmp_path}/nowhere/web.sock"])
    assert not path.exists()
