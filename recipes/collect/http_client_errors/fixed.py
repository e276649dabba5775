"""The same client; it keeps the error's text and closes the error."""

import collections
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

upstream = subprocess.Popen(
    [sys.executable, Path(__file__).with_name("upstream.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)
url = f"http://127.0.0.1:{int(upstream.stdout.readline())}/reports"
unsent = collections.deque(maxlen=80)


def post(body):
    """Send a report, with a second try; the error when both failed."""
    failure = None
    for _ in range(2):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body)):
                return None
        except urllib.error.HTTPError as error:
            with error:
                failure = str(error)
    return failure


def operation(number):
    """Send one report; the last 80 that could not be sent are tried again at night."""
    body = bytes([number % 200 + 1]) * 300_000
    unsent.append((body, post(body)))
