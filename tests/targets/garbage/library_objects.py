"""What the standard library leaves: parsers, mocks, documents, loggers, executors, sockets' files, temporary files."""
# The table of a live class's subclasses goes when the last of them dies.
# truth: more=dict
import argparse
import concurrent.futures
import configparser
import email.message
import gc
import logging
import string
import tempfile
import unittest.mock
import xml.dom.minidom
import _truth

gc.disable()


def parser():
    made = argparse.ArgumentParser()
    group = made.add_argument_group("g")
    group.add_argument("--x", type=int, default=[1])
    made.add_subparsers().add_parser("sub")
    return made


for _ in range(3):
    parser()
    mock = unittest.mock.MagicMock()
    mock.a.b.c(1)
    xml.dom.minidom.parseString("<a><b c='1'>text</b></a>")
    configparser.ConfigParser().read_string("[a]\nb=1")
    message = email.message.EmailMessage()
    message["subject"] = "x"
    message.me = message
    string.Template("$a").me = 1
    file = tempfile.SpooledTemporaryFile()
    file.me = file
    handler = logging.Handler()
    handler.me = handler
del mock, message, file, handler
KEPT = [parser(), unittest.mock.Mock()]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda n: [n], range(5)))
del pool
_truth.serve()
