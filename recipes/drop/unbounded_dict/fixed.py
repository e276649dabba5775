"""The same service; it keeps the sessions that were used last."""

import collections
import socket

import uvicorn

sessions = collections.OrderedDict()
MOST = 20


def session_of(visitor):
    """What is known about a visitor: the cart and the last page."""
    if visitor not in sessions:
        sessions[visitor] = {"cart": [], "page": f"the page of {visitor} " * 10_000}
    sessions.move_to_end(visitor)
    while len(sessions) > MOST:
        sessions.popitem(last=False)
    return sessions[visitor]


async def app(scope, receive, send):
    """Answer with the size of the visitor's last page."""
    if scope["type"] != "http":
        return
    session = session_of(scope["path"])
    session["seen"] = session.get("seen", 0) + 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(session["page"])).encode()})


def main():
    """Serve on a free port of loopback and say which."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print("PORT", listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_keep_alive=600)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
