"""Context variables, copied contexts and thread-locals in rings; a live context holds some."""
import contextvars
import gc
import threading
import _truth

gc.disable()
VARIABLE = contextvars.ContextVar("VARIABLE")
OTHER = contextvars.ContextVar("OTHER", default=None)


class Holder:
    pass


for number in range(15):
    holder = Holder()
    context = contextvars.Context()
    context.run(VARIABLE.set, holder)
    context.run(OTHER.set, [number])
    holder.context = context
    local = threading.local()
    local.holder = holder
    holder.local = local
live = Holder()
live.me = live
VARIABLE.set(live)
KEPT = contextvars.copy_context()
del holder, context, local, live
_truth.serve()
