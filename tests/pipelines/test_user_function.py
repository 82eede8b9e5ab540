"""A user's own TFT `preprocessing_fn`: beside the features of the spec or instead of them, named twice before it runs."""

from __future__ import annotations

import os
import pathlib

import every_family
import numpy as np
import pytest
import tensorflow as tf
from prebake.pipelines.preprocess import extend, preprocess
from prebake.schemas.errors import SpecError
from prebake.schemas.manifest import read_manifest
from prebake.schemas.run_dir import read_spec, write_spec
from prebake.training.export import export
from prebake.training.train import train
from prebake.transforms.graph import load_graph
from prebake.transforms.saved_graph import load_saved_graph
from shard_rows import raw_rows, row_bits

USER = """\
import tensorflow as tf
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    rooms = tf.cast(tf.where(inputs["rooms"] < -1, tf.zeros_like(inputs["rooms"]), inputs["rooms"]), tf.float32)
    return {
        "rooms_scaled": tft.scale_to_0_1(rooms),
        "rooms_bucket": tft.bucketize(rooms, 3),
        "city_id": tft.compute_and_apply_vocabulary(inputs["city"], num_oov_buckets=1),
    }
"""


def write(folder, code: str = USER, features: str = "", name: str = "mine.py"):
    """A spec whose preprocessing_fn is this code; `features` of every_family, or none."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(code, encoding="utf-8")
    text = every_family.with_features(*features.split())
    if not features:
        text = text.replace("features: {}\n", "")
    return every_family.write(folder, f"preprocessing_fn: {name}\n{text}"), str(folder / name)


def test_beside_the_features(tmp_path):
    spec, code = write(tmp_path, features="standardize")
    run = str(tmp_path / "run")
    assert preprocess(spec, run, code=code) == {"analyze": True, "transform": True}
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert [feature.name for feature in manifest.features] == [
        "city_id", "rooms_bucket", "rooms_scaled", "standardize", "standardize_missing",
    ]  # fmt: skip
    sizes = {feature.name: feature.cardinality for feature in manifest.features}
    assert (sizes["city_id"] > 3, sizes["rooms_bucket"]) == (True, 3)
    graph = load_graph(os.path.join(run, "transform"))
    saved = load_saved_graph(os.path.join(run, "transform", "graph"))
    # What nothing depends on need not be in a request.
    assert list(graph.raw_spec) == ["age", "city", "rooms"]
    raw, _ = raw_rows(str(tmp_path), graph, 0)
    found, again = graph.apply(raw), saved.features(raw)
    assert {name: row_bits(x.numpy()) for name, x in found.items()} == {
        name: row_bits(x.numpy()) for name, x in again.items()
    }
    # Later steps load nothing but the graph that TFT wrote.
    os.remove(code)
    loaded = load_graph(os.path.join(run, "transform"))
    assert [feature.name for feature in loaded.features] == [feature.name for feature in manifest.features]


# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_instead_of_features_up_to_the_export(tmp_path):
    spec, code = write(tmp_path)
    run = str(tmp_path / "run")
    preprocess(spec, run, code=code)
    train(run, spec, progress=False)
    model = tf.saved_model.load(export(run, spec=spec).directory)
    request = {"city": tf.constant(["Oslo", "?"]), "rooms": tf.constant([3, -(2**63)], tf.int64)}
    answer = model.signatures["serving_default"](**request)
    assert np.isfinite(answer["prediction"].numpy()).all()


@pytest.mark.parametrize("named", ["", "other.py"])
def test_it_runs_only_if_it_is_named(tmp_path, named, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec, _ = write(tmp_path, "open('ran', 'w')\n" + USER)
    for command in (preprocess, extend):
        with pytest.raises(SpecError) as caught:
            command(spec, "run", code=named)
        assert str(caught.value) == (
            "spec: preprocessing_fn: is the Python file mine.py, which runs only if you name it too (add --code mine.py)"
        )
    assert not os.path.exists("run")
    assert not os.path.exists("ran")


FAULTS = [
    ("def other(inputs): return {}", "{path} defines no `preprocessing_fn` (def preprocessing_fn(inputs): …)"),
    ("import nothing_like_it", "{path} cannot be run: ModuleNotFoundError: No module named 'nothing_like_it'"),
    ("def preprocessing_fn(inputs): return {'a': inputs['Rooms']}", "{path} fails: KeyError: 'Rooms' (its inputs are age, "),
    ("def preprocessing_fn(inputs): return inputs['age']", "{path} must give a dict of tensors by name, made of its inputs"),
    ("def preprocessing_fn(inputs): return {'standardize': inputs['age']}",
     "its output 'standardize' has a name that is taken (call it otherwise)"),
    ("def preprocessing_fn(inputs): return {'weight': inputs['age']}",
     "its output 'weight' has a name that is taken (call it otherwise)"),
    ("def preprocessing_fn(inputs): return {'a': inputs['city']}",
     "its output 'a' is text (give numbers, or ids by tft.compute_and_apply_vocabulary)"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message"), FAULTS)
def test_faults_of_the_function_are_one_line(tmp_path, code, message):
    spec, path = write(tmp_path, code, features="standardize")
    with pytest.raises(SpecError) as caught:
        preprocess(spec, str(tmp_path / "run"), code=path)
    assert str(caught.value).startswith(f"spec: preprocessing_fn: {message.format(path=path)}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "transform").exists()


def user_values(run: str, folder: str) -> dict[str, list]:
    graph = load_graph(os.path.join(run, "transform"))
    raw, _ = raw_rows(folder, graph, 1)
    return {name: value.numpy().tolist() for name, value in graph.apply(raw).items()}


def test_extended_by_new_files_only_these_are_read(tmp_path):
    full, code = write(tmp_path / "full", features="standardize")
    preprocess(full, str(tmp_path / "full" / "run"), steps=["analyze"], code=code)
    spec, code = write(tmp_path / "part", features="standardize")
    data, run = tmp_path / "part" / "data", str(tmp_path / "part" / "run")
    content = {number: (data / f"{number}.csv").read_bytes() for number in (1, 2)}
    for number in content:
        (data / f"{number}.csv").unlink()
    preprocess(spec, run, steps=["analyze"], code=code)
    # If it were read again it would be found out.
    first = (data / "0.csv").read_bytes()
    (data / "0.csv").write_bytes(b"x" * len(first))
    for number in content:  # one after the other: two extensions
        (data / f"{number}.csv").write_bytes(content[number])
        lines = extend(spec, run, code=code)
        assert lines[0].startswith("training rows: ")
    (data / "0.csv").write_bytes(first)
    assert sorted(os.listdir(os.path.join(run, "transform", "user_features", "cache"))) == [
        "analysis-00001", "analysis-00002", "analysis-00003",
    ]  # fmt: skip
    assert user_values(run, str(tmp_path / "part")) == user_values(
        str(tmp_path / "full" / "run"), str(tmp_path / "full")
    )
    assert preprocess(spec, run, code=code) == {"analyze": False, "transform": True}


def test_what_tft_cannot_extend_is_read_again(tmp_path):
    # The buckets of a scaled number: the second analyzer depends on the first.
    code = (
        "import tensorflow_transform as tft\n"
        "def preprocessing_fn(inputs):\n"
        "    return {'b': tft.bucketize(tft.scale_to_z_score(inputs['constant']), 2), 'id': inputs['rooms']}\n"
    )
    spec, path = write(tmp_path, code, features="standardize")
    late = tmp_path / "data" / "2.csv"
    content = late.read_bytes()
    late.unlink()
    run = str(tmp_path / "run")
    preprocess(spec, run, steps=["analyze"], code=path)
    late.write_bytes(content)
    lines = extend(spec, run, code=path)
    assert lines[-1] == "all files were read again: preprocessing_fn has analyzers that TFT cannot extend"
    full = str(tmp_path / "full")
    preprocess(spec, full, steps=["analyze"], code=path)
    statistics = [pathlib.Path(one, "transform", "statistics.pb").read_bytes() for one in (run, full)]
    assert statistics[0] == statistics[1]


def test_its_vocabularies_cannot_keep_their_ids(tmp_path):
    spec, code = write(tmp_path)
    run = str(tmp_path / "run")
    preprocess(spec, run, steps=["analyze"], code=code)
    with pytest.raises(SpecError) as caught:
        extend(spec, run, keep_ids=True, code=code)
    assert str(caught.value) == (
        "spec: preprocessing_fn: is given, and TFT gives the ids of its vocabularies anew (leave --keep-ids out)"
    )


def test_a_run_directory_brings_no_code_along(tmp_path):
    spec, code = write(tmp_path, features="standardize")
    write_spec(str(tmp_path / "run"), spec)
    from_run = read_spec(str(tmp_path / "run"))
    assert from_run.preprocessing_fn == code
    with pytest.raises(SpecError, match="runs only if you name it too"):
        preprocess(from_run, str(tmp_path / "run"))
