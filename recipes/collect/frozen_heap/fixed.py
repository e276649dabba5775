"""The same; it unfreezes and collects before it freezes."""

import gc

tenants = {}


class Tenant:
    """Its settings, whose parts know the tenant."""

    def __init__(self, number):
        self.settings = bytes([number % 200 + 1]) * 200_000
        self.parts = [Part(self, f"part {index}") for index in range(20)]


class Part:
    """A part of the settings."""

    def __init__(self, tenant, name):
        self.tenant = tenant
        self.name = name


def operation(number):
    """Load one of 20 tenants anew, then freeze the heap for the workers to come."""
    tenants[number % 20] = Tenant(number)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
