"""`extend` reads only new files, and gives the statistics of a full analysis."""

from __future__ import annotations

import every_family
import people
import pytest
from prebake.pipelines.preprocess import extend, preprocess
from prebake.schemas.errors import ArtifactError, DataError

ONE_PASS = ("standardize", "gaussian", "quantiles", "city", "city_price", "in_city", "tags", "words", "steps")


def test_extended_by_new_files_it_is_the_full_analysis(tmp_path):
    text = every_family.with_features(*ONE_PASS)
    full = every_family.write(tmp_path / "full", text)
    preprocess(full, str(tmp_path / "full" / "run"), steps=["analyze"])
    spec = every_family.write(tmp_path / "part", text)
    late = tmp_path / "part" / "data" / "2.csv"
    content = late.read_bytes()
    late.unlink()
    run = str(tmp_path / "part" / "run")
    preprocess(spec, run, steps=["analyze"])
    assert extend(spec, run) == []
    late.write_bytes(content)
    lines = extend(spec, run)
    assert lines[0].startswith("training rows: ")
    assert any(line.startswith("age: mean ") for line in lines)
    assert people.reproducible(run) == people.reproducible(str(tmp_path / "full" / "run"))
    # The next step takes it for what it is.
    assert preprocess(spec, run) == {"analyze": False, "transform": True}


def test_extended_with_kept_ids(tmp_path):
    text = every_family.with_features("city", "standardize", "rooms_id").replace(
        "features:", "features:\n  by_city: {cross: {of: [city, rooms_id]}}"
    )
    spec = every_family.write(tmp_path, text)
    late = tmp_path / "data" / "0.csv"
    content = late.read_bytes().replace(b"Rome", b"Paris")
    late.unlink()
    run = str(tmp_path / "run")
    preprocess(spec, run, steps=["analyze"])
    vocabulary = tmp_path / "run" / "transform" / "vocabularies" / "city.txt"
    before = vocabulary.read_bytes()
    late.write_bytes(content)
    lines = extend(spec, run, keep_ids=True)
    assert vocabulary.read_bytes() == before + b"Paris\n"
    assert "vocabulary of city: 1 new (Paris)" in lines
    assert lines[-1] == "other ids, since what they cross has more of them: by_city"
    assert preprocess(spec, run) == {"analyze": False, "transform": True}


def test_files_that_were_analyzed_and_changed(tmp_path):
    spec = every_family.write(tmp_path, every_family.with_features("standardize"))
    run = str(tmp_path / "run")
    preprocess(spec, run, steps=["analyze"])
    (tmp_path / "data" / "3.csv").write_bytes((tmp_path / "data" / "2.csv").read_bytes())
    first = tmp_path / "data" / "0.csv"
    first.write_bytes(first.read_bytes() + first.read_bytes().splitlines(keepends=True)[-1])
    with pytest.raises(DataError, match=r"0\.csv: had [0-9,]+ bytes when it was analyzed and has [0-9,]+: "):
        extend(spec, run)
    first.unlink()
    with pytest.raises(ArtifactError, match=r"was made from 0\.csv, which the patterns no longer match"):
        extend(spec, run)
