"""In: rows whose pictures or tensors cannot be decoded. Out: they are bad rows like any other, with file, row and reason."""

from __future__ import annotations

import base64
import csv
import os

import people
import pytest
import tensorflow as tf
from every_family import png
from prebake.schemas.errors import DataError
from prebake.schemas.manifest import read_manifest

SPEC = {
    "data": {
        "files": "data/*.csv",
        "columns": {"picture": "file", "packed": "base64", "y": "int"},
        "label": {"column": "y", "kind": "binary"},
    },
    "features": {"picture": {"image": {"height": 2, "width": 2}}, "packed": {"tensor": {"shape": [2]}}},
}
IMAGE = "is not an image that can be read: JPEG, PNG, GIF or BMP with 24 bits a pixel"
TENSOR = "is not a serialised float32 tensor of shape [2] with finite numbers"


def write(tmp_path) -> None:
    pictures = {"good.png": png(70), "half.png": png(70)[:50], "page.html": b"<!DOCTYPE html>"}
    for name, content in pictures.items():
        people.write_file(tmp_path / "data" / name, content)
    packed = base64.b64encode(tf.io.serialize_tensor([0.5, 1.0]).numpy()).decode()
    rows = [["good.png", packed, str(number % 2)] for number in range(40)]
    rows[3][0], rows[20][0], rows[30] = "half.png", "page.html", ["", "AAAA", "0"]
    text = "".join(",".join(row) + "\n" for row in [["picture", "packed", "y"], *rows])
    people.write_file(tmp_path / "data" / "a.csv", text.encode())


@pytest.mark.fault(53)
def test_the_first_is_named(tmp_path):
    write(tmp_path)
    with pytest.raises(DataError) as error:
        people.run(tmp_path, base=SPEC)
    assert str(error.value) == (
        f"{tmp_path}/data/a.csv:5:picture 'half.png' {IMAGE} "
        "(the first of 3 bad rows of 40, next: row 22, row 32; none is allowed: mend them, or set them aside with "
        "data.bad_rows.reject_up_to: 0.075 and look at them with `prebake rejected`)"
    )


@pytest.mark.fault(53)
def test_they_may_be_set_aside(tmp_path):
    write(tmp_path)
    run = people.run(tmp_path, {"data": {"bad_rows": {"reject_up_to": 0.1}}}, base=SPEC)
    with open(os.path.join(run, "rejected", "rows.csv"), encoding="utf-8", newline="") as file:
        found = [tuple(entry.values()) for entry in csv.DictReader(file)]
    assert found == [
        ("a.csv", "5", "picture", "half.png", IMAGE),
        ("a.csv", "22", "picture", "page.html", IMAGE),
        ("a.csv", "32", "packed", "\0\0\0", TENSOR),
    ]
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert sum(split.rows for split in manifest.splits) == 37
