# expect: retention=long-lived holder=module-global name=SESSIONS fix=drop verdict=leak snapshots=3 file=self
"""A web application that keeps a session with its history for every visitor, and never forgets one."""

import _drive

SESSIONS = {}


class Session:
    def __init__(self, user):
        self.user = user
        self.history = []

    def visit(self, page):
        self.history.append(page)


def handle_request(user, path):
    session = SESSIONS.get(user)
    if session is None:
        session = SESSIONS[user] = Session(user)
    session.visit((path, path * 500))
    return len(session.history)


def serve(number):
    for visitor in range(500):
        user = "user-%d-%d" % (number, visitor)
        handle_request(user, "/catalogue/%d" % visitor)
        handle_request(user, "/basket/%d" % visitor)


_drive.rounds(serve)
