"""The demonstration: two websocket services that leak, their clients, and the stage that runs them.

The services (``idle_server.py``, ``cyclic_server.py``) and the clients (``clients.py``) are programs of
their own and import nothing of leakkit: they are what leakkit is pointed at.
"""
