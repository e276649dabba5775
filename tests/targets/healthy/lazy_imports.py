# expect: verdict=clean snapshots=4 warm=0
"""Modules are imported when the first request needs them; code and tables stay, as they should."""

import importlib

import _drive

MODULES = ["json", "decimal", "xml.dom.minidom", "http.client", "sqlite3", "email.mime.multipart", "unittest.mock", "asyncio", "multiprocessing.pool", "argparse", "ssl", "xmlrpc.client", "tarfile", "zipfile", "pydoc", "difflib"]


def work(number):
    for name in MODULES[number * 3 : number * 3 + 3]:
        importlib.import_module(name)


_drive.rounds(work)
