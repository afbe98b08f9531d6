from lib.runtime.cache import recall, remember


def test_what_is_remembered_is_recalled(tmp_path):
    memory = tmp_path / "deep/memory.json"
    assert recall(memory) == {}
    remember(memory, {"a": [1]})
    assert recall(memory) == {"a": [1]} and [path.name for path in memory.parent.iterdir()] == ["memory.json"]


def test_a_damaged_memory_is_an_empty_one(tmp_path):
    memory = tmp_path / "memory.json"
    for content in (b"{", b"\xff", b"[1]", b"[" * 100_000):
        memory.write_bytes(content)
        assert recall(memory) == {}
    memory.unlink()
    memory.mkdir()
    assert recall(memory) == {}
