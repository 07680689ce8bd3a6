#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload's process: reads orders to dial, a line of JSON each, and answers each by a line.

{"open": "TCP", "address": "10.96.0.1", "port": 80} -> {"socket": 7, "answer": "10.244.0.1:8080"}
                                                    or {"error": "ECONNREFUSED"}
{"dial": [["10.96.0.1", 80], ...]} -> {"answers": ["10.244.0.1:8080", "ECONNREFUSED", ...]}, by TCP, closed again
{"until": ["10.244.0.1:8080", ...], "address": ..., "port": ...} -> {"at": 123456789} when one of these answered first,
                                                  by TCP, in ns of the monotonic clock
{"ask": 7} -> an answer or an error over the socket opened before
{"close": 7} -> {}
"""

import errno
import json
import socket
import sys
import time

_PATIENCE_SECONDS = 2
_BETWEEN_DIALS_SECONDS = 0.0002  # leaves the CPU to what it waits for

sockets = {}


def open_socket(request):
    kind = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}[request["open"]]
    family = socket.AF_INET6 if ":" in request["address"] else socket.AF_INET
    client = socket.socket(family, kind)
    client.settimeout(_PATIENCE_SECONDS)
    try:
        client.connect((request["address"], request["port"]))
        if kind == socket.SOCK_DGRAM:
            client.send(b"?")
        answer = client.recv(4096).decode()
    except OSError:
        client.close()
        raise
    sockets[client.fileno()] = client
    return {"socket": client.fileno(), "answer": answer}


def dial(address, port):
    opened = answer_to({"open": "TCP", "address": address, "port": port})
    if "socket" in opened:
        close(opened["socket"])
    return opened.get("answer") or opened["error"]


def dial_until(request):
    wanted = set(request["until"])
    while dial(request["address"], request["port"]) not in wanted:
        time.sleep(_BETWEEN_DIALS_SECONDS)
    return {"at": time.monotonic_ns()}


def ask(number):
    sockets[number].send(b"?")
    return {"answer": sockets[number].recv(4096).decode()}


def close(number):
    sockets.pop(number).close()
    return {}


def answer_to(request):
    try:
        if "open" in request:
            return open_socket(request)
        if "dial" in request:
            return {"answers": [dial(address, port) for address, port in request["dial"]]}
        if "until" in request:
            return dial_until(request)
        return ask(request["ask"]) if "ask" in request else close(request["close"])
    except TimeoutError:
        return {"error": "nobody answered"}
    except OSError as error:
        return {"error": errno.errorcode[error.errno]}


def main():
    for line in sys.stdin:
        print(json.dumps(answer_to(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
