"""In: values written as JSON by workers. Out: one whole file, whoever wrote it last."""

from __future__ import annotations

from apache_beam.io.filesystems import FileSystems
from prebake.pipelines.collect import _write, read_json


def test_a_try_that_is_taken_for_lost_does_not_spoil_what_was_written(tmp_path, monkeypatch):
    path = str(tmp_path / "counts.json")
    create = FileSystems.create

    def meanwhile(name: str):
        """The same work, done again and to its end while the first try has just opened its file."""
        file = create(name)
        monkeypatch.setattr(FileSystems, "create", create)
        _write([("a", 2), ("a", 1)], ["a", "b"], path)
        assert read_json(path) == {"a": [2, 1], "b": []}
        return file

    monkeypatch.setattr(FileSystems, "create", meanwhile)
    _write([("b", 1), ("a", 2)], ["a", "b"], path)
    assert read_json(path) == {"a": [2], "b": [1]}
    assert [one.name for one in tmp_path.iterdir()] == ["counts.json"]
