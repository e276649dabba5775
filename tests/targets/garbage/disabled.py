"""The collector was switched off from the start: everything stays in the youngest generation."""
import gc

gc.disable()

import json
import _truth


class Request:
    def __init__(self, number):
        self.body = json.dumps({"number": number})
        self.response = Response(self)


class Response:
    def __init__(self, request):
        self.request = request
        self.headers = {"x-number": request.body}


for number in range(300):
    Request(number)
RECENT = [Request(number) for number in range(10)]
_truth.serve()
