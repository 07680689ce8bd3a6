#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pods: a server that answers with the address at which it was reached. pods.py PORT...

It sends a TCP client "ADDRESS:PORT", the local end of its connection, and then echoes what the client sends. It answers
a UDP datagram with the same text, from that address. Prints "ready" once it listens.
"""

import selectors
import socket
import struct
import sys

_IP_PKTINFO = 8  # the socket module of Python 3.11 has no name for it


def text_of(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def listen(family, kind, port):
    server = socket.socket(family, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        server.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    server.bind(("", port))
    if kind == socket.SOCK_STREAM:
        server.listen(4096)
    return server


def accept(selector, server):
    connection, _ = server.accept()
    selector.register(connection, selectors.EVENT_READ, repeat)
    serve(selector, connection, text_of(*connection.getsockname()[:2]).encode())


def repeat(selector, connection):
    try:
        received = connection.recv(4096)
    except ConnectionError:
        received = b""
    serve(selector, connection, received)


def serve(selector, connection, text):
    """Sends the text, and closes the connection if there is none or its client is gone. A client whose socket the agent
    has ended resets its connection at any time, also between a read and the answer to it."""
    try:
        if text:
            connection.send(text)
            return
    except ConnectionError:
        pass
    selector.unregister(connection)
    connection.close()


def answer(_, server):
    _, notes, _, client = server.recvmsg(4096, 256)
    for level, kind, note in notes:
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            reached = socket.inet_ntop(socket.AF_INET6, note[:16])
            source = note[:16] + struct.pack("I", 0)
        elif (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            reached = socket.inet_ntop(socket.AF_INET, note[8:12])
            source = struct.pack("I", 0) + note[8:12] + note[8:12]
        else:
            continue
        text = text_of(reached, server.getsockname()[1])
        server.sendmsg([text.encode()], [(level, kind, source)], 0, client)


def main():
    selector = selectors.DefaultSelector()
    for port in map(int, sys.argv[1:]):
        for family in (socket.AF_INET, socket.AF_INET6):
            selector.register(listen(family, socket.SOCK_STREAM, port), selectors.EVENT_READ, accept)
            selector.register(listen(family, socket.SOCK_DGRAM, port), selectors.EVENT_READ, answer)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            key.data(selector, key.fileobj)


if __name__ == "__main__":
    main()
