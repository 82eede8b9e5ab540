"""In: parts on one machine. Out: they lie in files of the scratch folder, and the examples are those of any other way."""

from __future__ import annotations

import os
import shutil

import numpy as np
import people
import pyarrow as pa
import pytest
from prebake.pipelines import transform as transform_module
from prebake.pipelines.shuffle import Part, cut_into_parts, join_parts, part_schema
from prebake.pipelines.spill import Place, Spill, read_places
from prebake.schemas.manifest_pb2 import OUTPUT_INT64, OutputFeature


def test_what_was_added_is_read_back(tmp_path):
    one, other = Spill(str(tmp_path)), Spill(str(tmp_path))
    places = [one.add(b"abc"), other.add(b"z"), one.add(b""), one.add(b"de")]
    one.flush()
    other.close()
    assert read_places(places[::-1]) == [b"de", b"", b"z", b"abc"]
    assert len(os.listdir(tmp_path)) == 2
    one.close()


def test_a_file_cut_short_is_no_part(tmp_path):
    spill = Spill(str(tmp_path))
    place = spill.add(b"abc")
    spill.close()
    os.truncate(place.path, 2)
    with pytest.raises(OSError, match="was cut short while it was in use"):
        read_places([place])


def test_parts_are_joined_wherever_they_lie(tmp_path):
    """Beam hands on a Place as a plain tuple."""
    schema = part_schema([OutputFeature(name="id", type=OUTPUT_INT64, cardinality=300)])
    spill = Spill(str(tmp_path))
    parts = []
    for block in range(4):
        columns, order = (
            {"id": np.arange(3) + 70 * block},
            np.array([9, 4, 6], np.uint64) * np.uint64(block + 1),
        )
        ((_, rows, data),) = cut_into_parts(columns, order, np.zeros(3, np.int64), schema)
        place = spill.add(data)
        parts.append(
            Part(block % 2, block, rows, data if block == 2 else Place(*place) if block else tuple(place))
        )
    spill.close()
    columns, counts = join_parts(parts, schema)
    assert columns["id"].tolist() == [1, 2, 71, 0, 141, 72, 211, 142, 70, 212, 140, 210]
    assert counts == {0: 6, 1: 6}


@pytest.mark.parametrize(
    ("cardinality", "width"),
    [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4), (2**32, 4), (2**32 + 1, 8), (0, 8)],
)
def test_ids_travel_as_narrow_as_they_can_be(cardinality, width):
    schema = part_schema([OutputFeature(name="id", type=OUTPUT_INT64, cardinality=cardinality)])
    assert schema.field("id").type.byte_width == width
    largest = np.array([0, max(cardinality - 1, 0)])
    order = np.array([1, 2], np.uint64)
    ((_, rows, data),) = cut_into_parts({"id": largest}, order, np.zeros(2, np.int64), schema)
    columns, _ = join_parts([Part(0, 0, rows, data)], schema)
    assert columns["id"].tolist() == largest.tolist()


@pytest.mark.parametrize("wrong", [-1, 256])
def test_an_id_that_is_none_does_not_become_another(wrong):
    schema = part_schema([OutputFeature(name="id", type=OUTPUT_INT64, cardinality=200)])
    with pytest.raises(pa.ArrowInvalid):
        list(cut_into_parts({"id": np.array([wrong])}, np.zeros(1, np.uint64), np.zeros(1, np.int64), schema))


def test_examples_are_the_same_with_beams_own_shuffle(people_folder, people_run, tmp_path, monkeypatch):
    """As on a cluster."""
    shutil.copytree(os.path.join(people_folder, "data"), tmp_path / "data")
    added = []
    monkeypatch.setattr(Spill, "add", lambda *args: added.append(args))
    monkeypatch.setattr(transform_module, "is_local", lambda pipeline: False)
    other = people.run(tmp_path)
    assert people.reproducible(other) == people.reproducible(people_run)
    assert not added


def test_nothing_of_it_is_left(people_run):
    assert [name for name in os.listdir(people_run) if "scratch" in name] == []
