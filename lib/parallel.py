"""Running independent pieces of work on several threads, with results in order."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor


def map_in_order(function, items, *, threads):
    """Yield function(item) for each item in order, computed on several threads with few items in flight.

    Parameters
    ----------
    function : callable
        Must release the interpreter lock in its heavy part to gain from threads.
    items : iterable
        Taken one by one, at most `threads` ahead of the result that is yielded.
    threads : int
        The results do not depend on it.
    """
    with ThreadPoolExecutor(threads) as pool:
        pending = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
