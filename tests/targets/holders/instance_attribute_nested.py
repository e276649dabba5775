# expect: retention=long-lived holder=instance-attribute name=_outbox fix=drop verdict=leak snapshots=3
"""An application object with a mailer below it; mail that could not be delivered stays in the outbox list."""

import _drive


class Mailer:
    def __init__(self):
        self._outbox = []

    def send(self, recipient, body):
        self._outbox.append({"to": recipient, "body": body, "tries": 0})

    def flush(self):
        for mail in self._outbox:
            mail["tries"] += 1


class Application:
    def __init__(self):
        self.mailer = Mailer()
        self.routes = {"/register": self.register}

    def register(self, name):
        self.mailer.send(name + "@example.org", "Welcome, %s! " % name * 800)


app = Application()


def work(number):
    for index in range(250):
        app.routes["/register"]("guest-%d-%d" % (number, index))
    app.mailer.flush()


_drive.rounds(work)
