#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Forwards TCP connections: relay.py ADDRESS PORT TO-ADDRESS TO-PORT. Prints "ready" once it listens.

Its address can be taken away under it. Then its connections are half open: no side is told that they have ended.
"""

import contextlib
import socket
import sys
import threading


def pump(source, target):
    with contextlib.suppress(OSError):
        while received := source.recv(65536):
            target.sendall(received)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def main():
    address, port, to_address, to_port = sys.argv[1:]
    server = socket.create_server((address, int(port)))
    print("ready", flush=True)
    while True:
        client, _ = server.accept()
        target = socket.create_connection((to_address, int(to_port)))
        for ends in ((client, target), (target, client)):
            threading.Thread(target=pump, args=ends, daemon=True).start()


if __name__ == "__main__":
    main()
