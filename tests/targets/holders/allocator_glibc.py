# expect: retention=off-heap holder=allocator-slack fix=hibernate verdict=leak|suspect snapshots=3
"""Each tenant gets a thread that loads documents, keeps a short index and lets them go: glibc keeps the pages."""

import threading

import _drive

index_of_tenant = {}
stop = threading.Event()


def load_documents(tenant):
    index = []
    documents = []
    for number in range(600):
        documents.append(bytes([number % 200 + 1]) * (2000 + 37 * (number % 1000)))
        if number % 10 == 0:
            index.append(documents[-1][:1000])
    index_of_tenant[tenant] = index
    del documents


def tenant_thread(tenant, loaded):
    load_documents(tenant)
    loaded.set()
    stop.wait()


def work(number):
    loaded = threading.Event()
    threading.Thread(target=tenant_thread, args=(number, loaded), daemon=True).start()
    loaded.wait()


_drive.rounds(work)
