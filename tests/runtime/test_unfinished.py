"""A folder that long jobs fill: what a killed one left is gone on with, or removed if it is of another job or damaged."""

import pytest

from lib.runtime.unfinished import UnfinishedFolder


@pytest.fixture
def target(tmp_path):
    return tmp_path / "0-of-1"


def left_behind(target, fingerprint="a"):
    """Write as a job does that is killed after 5 items."""
    folder = UnfinishedFolder(target, fingerprint)
    (folder.path / "data").write_text("5 items")
    folder.mark(3)
    folder.mark(5)


def test_a_killed_job_goes_on(target):
    left_behind(target)
    folder = UnfinishedFolder(target, "a")
    assert folder.n_done == 5 and (folder.path / "data").read_text() == "5 items"
    assert not target.exists()
    folder.finish()
    assert [path.name for path in target.parent.iterdir()] == ["0-of-1"]
    assert [path.name for path in target.iterdir()] == ["data"], "the mark is gone"


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"null", b"{}", b'{"fingerprint": "a"}', b"\xff"])
def test_a_damaged_mark_or_none_restarts_the_job(target, content, caplog):
    left_behind(target)
    mark = target.with_name("0-of-1.part") / "progress.json"
    mark.unlink() if content is None else mark.write_bytes(content)
    folder = UnfinishedFolder(target, "a")
    assert folder.n_done == 0 and not list(folder.path.iterdir())
    assert ("progress.json is damaged" in caplog.text) == (content is not None)


def test_another_job_starts_from_the_beginning(target):
    left_behind(target)
    folder = UnfinishedFolder(target, "b")
    assert folder.n_done == 0 and not list(folder.path.iterdir())


def test_a_part_may_become_the_folder_in_place_of_an_older_one(target):
    target.mkdir()
    (target / "old").touch()
    folder = UnfinishedFolder(target, "a")
    (folder.path / "5").mkdir()
    (folder.path / "5" / "data").touch()
    (folder.path / "3").mkdir()
    folder.finish("5")
    assert [path.name for path in target.parent.iterdir()] == ["0-of-1"]
    assert [path.name for path in target.iterdir()] == ["data"]
