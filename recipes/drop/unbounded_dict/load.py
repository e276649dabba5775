"""New visitors, one an operation."""

import http.client
import os

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["RECIPE_PORT"]))


def operation(number):
    """One visitor looks at one page."""
    connection.request("GET", f"/visitor-{number:06d}")
    connection.getresponse().read()
