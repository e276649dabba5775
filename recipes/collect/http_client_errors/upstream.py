"""A server that is not well: every report gets a 503.  Ends when its stdin does."""

import http.server
import os
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads the body, then refuses."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(503)

    def log_message(self, *args):
        """Say nothing."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
