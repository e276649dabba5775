"""Code that runs inside targets: standard library only, Python 3.9 and later; leakkit itself never imports it.

A service that wants to be open to snapshots without ptrace calls::

    import leakkit.agent

    leakkit.agent.listen()
"""

from leakkit.agent.listen import listen

__all__ = ["listen"]
