"""A process that writes commits until it is told to stop or is killed: STORE SESSION COUNT [SEED].

Prints the id of each commit, the name it binds and the digest of its bytes once the commit is acknowledged.
"""

from __future__ import annotations

import hashlib
import random
import sys

from perdure.store import Store
from store.making import commit_to


def main(folder: str, session: str, count: str, seed: str = "0") -> None:
    chance = random.Random(int(seed))
    store = Store.open(folder)
    store.claim(session, steal=True)
    writer = store.writer(session)
    refs = store.refs(session)
    for number in range(int(count)):
        size = chance.choice([10, 300, 5_000, 200_000])
        data = chance.randbytes(size)
        refs = commit_to(writer, {f"x{number % 5}": data}, refs)
        print(refs.head, f"x{number % 5}", hashlib.sha256(data).hexdigest(), flush=True)
    print("done", flush=True)
    sys.stdin.read()  # stay alive until the other end closes


main(*sys.argv[1:])
