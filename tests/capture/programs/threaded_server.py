"""A real HTTP server, one thread a connection; prints its port. Logs whatever it logs to stderr."""
import gc
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/gc":
            body = json.dumps([gc.get_stats(), gc.isenabled(), gc.get_threshold(), gc.get_count()]).encode()
        else:
            body = json.dumps([{"number": number} for number in range(50)]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        if args and str(args[1] if len(args) > 1 else "") != "200":
            sys.stderr.write(format % args + "\n")


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
gc.collect()
print("READY", flush=True)
server.serve_forever()
