#!/usr/bin/python3
"""Give a domain any name in xenstore, as a guest's owner may: rename.py DOMID HEX-OF-THE-NAME."""

from __future__ import annotations

import socket
import struct
import sys

HEADER = struct.Struct("=IIII")
WRITE = 11

path = f"/local/domain/{sys.argv[1]}/name\0".encode()
payload = path + bytes.fromhex(sys.argv[2])
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(10)
connection.connect("/run/xenstored/socket")
connection.sendall(HEADER.pack(WRITE, 0, 0, len(payload)) + payload)
kind = HEADER.unpack(connection.recv(HEADER.size))[0]
sys.exit(kind != WRITE)
