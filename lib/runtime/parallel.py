"""Run independent tasks on several threads with results in order, and end worker processes with their parent."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor


def map_in_order(function: Callable, items: Iterable, *, threads: int) -> Iterator:
    """Yield function(item) for each item in order, computed on several threads with few items in flight.

    Parameters
    ----------
    function : callable
        Must release the interpreter lock in its heavy part to gain from threads.
    items : iterable
        Taken one by one, at most `threads` ahead of the result that is yielded.
    threads : int
        It does not change results.
    """
    with ThreadPoolExecutor(threads) as pool:
        pending = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def end_with_parent() -> None:
    """Make a worker process end when the process that started it is killed; the initializer of every process pool.

    Otherwise a worker would wait for work forever and hold the lock of the job (see `runtime.locks`).
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
