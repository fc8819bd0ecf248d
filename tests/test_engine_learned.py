"""What was asked is kept for the next run, and written only when it is something new."""

from __future__ import annotations

from labprov.engine.learned import Learned


def test_the_next_run_knows_it(tmp_path):
    first = Learned("lab", tmp_path)
    first.put("a", "facts", ["id -u"])
    first.save()
    assert Learned("lab", tmp_path).get("a", "facts") == ["id -u"]
    assert Learned("another lab", tmp_path).get("a", "facts") == []


def test_what_is_known_already_is_not_written_again(tmp_path):
    for asked, written in ((["id -u"], True), (["id -u"], False), (["id -u", "uname"], True), (["uname"], True)):
        learned = Learned("lab", tmp_path)
        learned.put("a", "facts", asked)
        before = learned.path.stat().st_ino if learned.path.exists() else 0
        learned.save()
        assert (learned.path.stat().st_ino != before) is written
        assert Learned("lab", tmp_path).get("a", "facts") == asked


def test_a_list_under_another_name_takes_the_place_of_the_one_before(tmp_path):
    for purpose in ("docker-1", "docker-2"):
        learned = Learned("lab", tmp_path)
        learned.put("a", f"check {purpose}", [purpose])
        learned.save()
    kept = Learned("lab", tmp_path)
    assert [kept.get("a", f"check {purpose}") for purpose in ("docker-1", "docker-2")] == [[], ["docker-2"]]


def test_a_damaged_file_is_as_none(tmp_path):
    learned = Learned("lab", tmp_path)
    learned.put("a", "facts", ["id -u"])
    learned.save()
    learned.path.write_text("{")
    assert Learned("lab", tmp_path).get("a", "facts") == []
