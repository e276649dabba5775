"""``self.error = error``: exception, traceback, frame, instance and back again."""
import gc
import _truth

gc.disable()


class Client:
    def __init__(self, number):
        self.number = number
        self.error = None
        self.buffer = bytearray(200)

    def call(self):
        try:
            self.fail({"number": self.number})
        except ZeroDivisionError as error:
            self.error = error

    def fail(self, request):
        response = [request] * 2
        return response[0]["number"] / 0


for number in range(25):
    Client(number).call()
LIVE = [Client(number) for number in range(5)]
for client in LIVE:
    client.call()
del client


def nested():
    try:
        LIVE[0].fail({"number": 1})
    except ZeroDivisionError as error:
        try:
            raise KeyError("context")
        except KeyError as other:
            kept = other, error
            return kept[0].__context__ is error


for _ in range(8):
    nested()
_truth.serve()
