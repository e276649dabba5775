"""A server of the standard library that forks two workers, each of which keeps what it answers: ``prefork.py PORT_FILE leaky|fixed``."""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

answers: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.path.encode() + bytes(2000)
        if sys.argv[2] == "leaky":
            answers.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
Path(sys.argv[1]).write_text(str(server.server_port))
children = []
for _ in range(2):
    if (pid := os.fork()) == 0:
        server.serve_forever()
    children.append(pid)
server.socket.close()
print("workers are up", flush=True)
for pid in children:
    os.waitpid(pid, 0)
