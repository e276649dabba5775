# expect: retention=long-lived holder=module-global name=AUDIT_TRAIL fix=drop verdict=leak snapshots=3 file=self
"""A service that writes an audit trail into a module level list; the flush to disk was never switched on."""

import _drive

AUDIT_TRAIL = []


def audit(actor, action, document):
    AUDIT_TRAIL.append({"actor": actor, "action": action, "before": document, "after": document.upper()})


def work(number):
    for index in range(400):
        document = "order %d/%d;" % (number, index) * 400
        audit("clerk-%d" % (index % 7), "update", document)


_drive.rounds(work)
