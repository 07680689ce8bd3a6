#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload's process: dials as it is told, line by line, in JSON.

{"open": "TCP", "address": "10.96.0.1", "port": 80} -> {"socket": 7, "answer": "10.244.0.1:8080"}
                                                    or {"error": "ECONNREFUSED"}
{"dial": [["10.96.0.1", 80], ...]} -> {"answers": ["10.244.0.1:8080", "ECONNREFUSED", ...]}, by TCP, closed again
{"ask": 7} -> an answer or an error over the socket opened before
{"close": 7} -> {}
"""

import errno
import json
import socket
import sys

_PATIENCE_SECONDS = 2

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
