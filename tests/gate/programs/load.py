"""The load of a service: ``load.py PORT_FILE REQUESTS``, over one connection of the standard library."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

port, requests = int(Path(sys.argv[1]).read_text()), int(sys.argv[2])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
for number in range(requests):
    connection.request("GET", f"/items/{number}")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
connection.close()
