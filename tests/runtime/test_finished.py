"""Results of single items survive their job."""

from lib.runtime import finished
from lib.runtime.finished import FinishedItems


def test_items_are_known_to_later_jobs_with_the_same_fingerprint(tmp_path):
    items = FinishedItems(tmp_path / "0-of-2.csv", "x")
    assert items.get("a") is None
    items.add("a", [1, 0.1 + 0.2, None, "ü"])
    items.save()
    other = FinishedItems(tmp_path / "1-of-2.csv", "x")
    assert other.get("a") == [1, 0.1 + 0.2, None, "ü"]
    other.add("a", [1, 0.1 + 0.2, None, "ü"])
    other.add("b", 2)
    other.save()
    assert FinishedItems(tmp_path / "0-of-1.csv", "x").get("b") == 2
    assert FinishedItems(tmp_path / "0-of-1.csv", "y").get("a") is None


def test_fewer_items_remove_none(tmp_path):
    items = FinishedItems(tmp_path / "0-of-1.csv", "x")
    items.add("a", 1)
    items.save()
    fewer = FinishedItems(tmp_path / "0-of-1.csv", "x")
    fewer.add("b", 2)
    fewer.save()
    assert FinishedItems(tmp_path / "0-of-1.csv", "x").get("a") == 1


def test_a_killed_job_keeps_what_it_saved_and_a_damaged_file_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setattr(finished, "SECONDS_BETWEEN_SAVES", -1)
    FinishedItems(tmp_path / "0-of-1.csv", "x").add("a", 1)
    assert FinishedItems(tmp_path / "0-of-1.csv", "x").get("a") == 1
    (tmp_path / ".finished/0-of-1.json").write_text("{")
    assert FinishedItems(tmp_path / "0-of-1.csv", "x").get("a") is None
