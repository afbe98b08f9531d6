import threading
import time

import pytest

from lib.runtime.parallel import map_in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_keep_the_order(threads):
    def slow_first(item):
        time.sleep(0.02 if item % 3 == 0 else 0)
        return item * item

    assert list(map_in_order(slow_first, range(20), threads=threads)) == [i * i for i in range(20)]
    assert list(map_in_order(slow_first, [], threads=threads)) == []


def test_several_threads_work_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)
    assert len(list(map_in_order(lambda item: barrier.wait(), range(3), threads=3))) == 3


def test_an_exception_reaches_the_caller_after_the_results_before_it():
    def fail(item):
        if item == 3:
            raise KeyError("three")
        return item

    found = []
    with pytest.raises(KeyError, match="three"):
        for value in map_in_order(fail, range(100), threads=2):
            found.append(value)
    assert found == [0, 1, 2]


def test_an_exception_of_the_items_reaches_the_caller():
    def items():
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(map_in_order(str, items(), threads=2))


def test_few_items_are_in_flight():
    taken = []

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    results = map_in_order(str, items(), threads=3)
    assert next(results) == "0" and len(taken) <= 4
    assert len(list(results)) == 49
