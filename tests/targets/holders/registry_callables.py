# expect: retention=long-lived holder=callback-registry name=_commands fix=drop verdict=leak snapshots=3
"""A command table: each dialogue registers its bound handlers under a fresh id and never unregisters them."""

import _drive


class CommandTable:
    def __init__(self):
        self._commands = {}

    def register(self, command_id, handler):
        self._commands[command_id] = handler

    def dispatch(self, command_id, *args):
        return self._commands[command_id](*args)


commands = CommandTable()


class Dialogue:
    def __init__(self, ident):
        self.ident = ident
        self.transcript = ("%s said something long. " % ident) * 600
        commands.register("accept-" + ident, self.accept)
        commands.register("reject-" + ident, self.reject)

    def accept(self):
        return len(self.transcript)

    def reject(self):
        return 0


def work(number):
    for index in range(250):
        dialogue = Dialogue("dialogue-%d-%d" % (number, index))
        commands.dispatch("accept-" + dialogue.ident)


_drive.rounds(work)
