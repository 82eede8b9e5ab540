"""In: small data sets that TensorFlow Datasets wrote. Out: rows, a trained model and its export, or one line."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from prebake.schemas.errors import ArtifactError, PrebakeError
from prebake.schemas.spec import load_spec
from prebake.schemas.spec_pb2 import Spec
from prebake.training import tfds_export
from prebake.training.dataset import evaluation_batches, keep_in_memory, training_batches
from prebake.training.evaluate import evaluate
from prebake.training.export import export
from prebake.training.predict import load
from prebake.training.tfds_source import open_tfds
from prebake.training.train import train
from tfds_builders import CLASSES, SmallDigits, SmallTable, SmallTexts, prepare

# TensorFlow Datasets reads its own files by a method that protobuf calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> str:
    directory = str(tmp_path_factory.mktemp("tfds"))
    prepare(SmallDigits, directory, shards=3)
    prepare(SmallTable, directory)
    prepare(SmallTexts, directory)
    return directory


def spec_of(
    tmp_path, data_dir: str, name: str, label: str = "label", kind: str = "multiclass", more: str = ""
) -> Spec:
    path = tmp_path / f"{name}.yaml"
    path.write_text(
        f"data: {{label: {{column: {label}, kind: {kind}}}{more}}}\n"
        f"training: {{source: 'tfds:{name}', data_dir: '{data_dir}', epochs: 8, batch_size: 16, shuffle_buffer: 20, "
        "learning_rate: 0.03}\nmodel: {hidden: [8]}\n"
    )
    return load_spec(str(path))


def rows_of(batches) -> list[tuple]:
    return [
        tuple(np.asarray(features[name])[row].tobytes() for name in sorted(features))
        + (np.asarray(label)[row, 0].item(),)
        for features, label in batches
        for row in range(len(label))
    ]


def wanted_rows(data_dir: str, name: str, split: str) -> list[dict]:
    """By tfds itself."""
    return list(tfds.as_numpy(tfds.load(name, split=split, data_dir=data_dir)))


def test_images_are_from_0_to_1_and_labels_are_classes(tmp_path, data_dir):
    examples = open_tfds(spec_of(tmp_path, data_dir, "small_digits"))
    features, label = next(iter(evaluation_batches(examples, "test", batch_size=20)))
    assert list(examples.manifest.label.classes) == CLASSES
    assert (features["image"].dtype, features["image"].shape) == (tf.float32, (20, 4, 3, 1))
    wanted = wanted_rows(data_dir, "small_digits", "test")
    images = np.stack([row["image"] for row in wanted])
    assert images.dtype == np.uint8
    # A byte times the float32 nearest to 1/255.
    found = features["image"].numpy()
    assert sorted(x.tobytes() for x in found) == sorted(
        (x.astype(np.float32) * np.float32(1 / 255)).tobytes() for x in images
    )
    assert 0 <= found.min() < found.max() <= 1
    by_image = {
        (x.astype(np.float32) * np.float32(1 / 255)).tobytes(): row["label"]
        for x, row in zip(images, wanted, strict=True)
    }
    assert label.numpy()[:, 0].tolist() == [by_image[x.tobytes()] for x in found]


def test_a_missing_split_is_the_end_of_each_file_of_train(tmp_path, data_dir):
    examples = open_tfds(
        spec_of(tmp_path, data_dir, "small_digits", more=", split: {train: 0.9, valid: 0.1}")
    )
    assert [(split.name, split.rows) for split in examples.manifest.splits] == [
        ("train", 54), ("valid", 6), ("test", 20)
    ]  # fmt: skip
    assert [(shard.first, shard.rows) for shard in examples.split("valid").shards] == [(18, 2)] * 3
    train_rows, valid_rows = (
        rows_of(evaluation_batches(examples, name, batch_size=7)) for name in ("train", "valid")
    )
    files = [wanted_rows(data_dir, "small_digits", f"train[{start}:{start + 20}]") for start in (0, 20, 40)]
    wanted = [row["label"] for rows in files for row in rows[18:]]
    assert [row[-1] for row in valid_rows] == wanted
    assert len(set(train_rows) | set(valid_rows)) == 60


def test_splits_of_the_data_set_are_taken_as_they_are(tmp_path, data_dir):
    examples = open_tfds(spec_of(tmp_path, data_dir, "small_table", "price", "regression"))
    assert [split.rows for split in examples.manifest.splits] == [50, 20, 10]
    assert [(one.name, list(one.shape), one.cardinality) for one in examples.manifest.features] == [
        ("garden", [], 0), ("kind", [], 2), ("place", [2], 0), ("rooms", [], 0), ("size", [], 0)
    ]  # fmt: skip
    features, label = next(iter(evaluation_batches(examples, "valid", batch_size=20)))
    wanted = wanted_rows(data_dir, "small_table", "validation")
    order = {row["price"].tobytes(): row for row in wanted}
    rows = [order[value.tobytes()] for value in label.numpy()[:, 0]]
    for name in ("garden", "kind", "place", "rooms", "size"):
        dtype = np.int64 if name == "kind" else np.float32
        assert (
            features[name].numpy().tobytes() == np.stack([row[name] for row in rows]).astype(dtype).tobytes()
        )


def test_rows_in_memory_come_in_the_same_batches(tmp_path, data_dir):
    examples = open_tfds(spec_of(tmp_path, data_dir, "small_digits"))
    kept = keep_in_memory(examples, 2)
    order = {"seed": 3, "epochs": range(2), "batch_size": 16, "shuffle_buffer": 20}
    assert rows_of(training_batches(kept, **order)) == rows_of(training_batches(examples, **order))
    for split in ("train", "valid"):
        found, read = (rows_of(evaluation_batches(one, split, batch_size=5)) for one in (kept, examples))
        assert found == read
    first, second = (rows_of(training_batches(kept, **order | {"epochs": [epoch]})) for epoch in (0, 1))
    assert sorted(first) == sorted(second)
    assert first != second


@pytest.fixture(scope="module")
def digits(tmp_path_factory, data_dir) -> tuple[str, Spec]:
    run = tmp_path_factory.mktemp("digits")
    spec = spec_of(run, data_dir, "small_digits")
    train(str(run), spec, progress=False)
    export(str(run), spec=spec)
    return str(run), spec


def test_training_evaluation_and_export_need_no_csv_file(digits, data_dir):
    run, spec = digits
    metrics = evaluate(run, split="test", spec=spec)
    assert metrics == evaluate(run, split="test")
    assert metrics["accuracy"] > 0.9  # how light an image is tells its class
    assert train(run, spec, progress=False).up_to_date
    served = tf.saved_model.load(os.path.join(run, "export/saved_model/1"))
    images = np.stack([row["image"] for row in wanted_rows(data_dir, "small_digits", "test")])
    answer = served.signatures["serving_default"](image=tf.constant(images))
    names = [CLASSES[row["label"]] for row in wanted_rows(data_dir, "small_digits", "test")]
    right = np.mean([one.decode() == name for one, name in zip(answer["class"].numpy(), names, strict=True)])
    assert right == pytest.approx(metrics["accuracy"])
    with open(os.path.join(run, "export/saved_model/1/parity.json"), encoding="utf-8") as file:
        parity = json.load(file)
    assert parity["rows"] == {"train": 54, "valid": 6, "test": 20}
    assert parity["largest_feature_difference"] == {"image": {"features": {"1": 0.0, "7": 0.0, "512": 0.0}}}


def test_an_export_that_differs_is_not_published(digits, monkeypatch):
    run, spec = digits
    changed = Spec()
    changed.CopyFrom(spec)
    changed.export.prediction_tolerance = 2e-5  # another export
    write = tfds_export.write_arrays_model

    def doubled(directory, data, *others):
        inputs = data.model_inputs
        data.model_inputs = lambda raw: {name: 2 * value for name, value in inputs(raw).items()}
        write(directory, data, *others)

    monkeypatch.setattr(tfds_export, "write_arrays_model", doubled)
    with pytest.raises(
        ArtifactError, match="parity: feature 'image' is .* in batches of 1, but .* by the training run"
    ):
        export(run, spec=changed)
    assert os.listdir(os.path.join(run, "export/saved_model")) == ["1"]


def test_samples_say_how_sure_the_model_is(tmp_path, data_dir):
    spec = spec_of(tmp_path, data_dir, "small_digits")
    spec.model.dropout, spec.training.epochs, spec.export.samples = 0.3, 1, 20
    train(str(tmp_path), spec, progress=False)
    directory = export(str(tmp_path), spec=spec).directory
    served = tf.saved_model.load(directory)
    images = np.stack([row["image"] for row in wanted_rows(data_dir, "small_digits", "test")])
    answer = served.signatures["serving_samples"](image=tf.constant(images))
    assert {name: tuple(value.shape) for name, value in answer.items()} == {
        "probabilities": (20, len(CLASSES)), "deviations": (20, len(CLASSES)), "entropy": (20,), "class": (20,)
    }  # fmt: skip
    np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], axis=1), 1, rtol=1e-6)
    assert tf.reduce_min(tf.reduce_max(answer["deviations"], axis=1)) > 0
    with open(os.path.join(directory, "parity.json"), encoding="utf-8") as file:
        assert set(json.load(file)["largest_prediction_difference"]["serving_samples"]) == {"1", "7", "512"}


def test_its_export_takes_no_rows(digits):
    with pytest.raises(
        ArtifactError, match="takes the arrays of a data set of TensorFlow Datasets, not rows: call"
    ):
        load(digits[0])


@pytest.mark.parametrize(
    ("name", "label", "kind", "more", "error"),
    [
        ("small_texts", "label", "binary", "",
         "{dir}/small_texts/1.0.0: feature 'text' (Text) holds strings, and there is no transform that makes numbers of "
         "them; leave it out by data.columns: {{text: ignore}}"),
        ("small_texts", "label", "binary", ", columns: {text: ignore}",
         "{dir}/small_texts/1.0.0: has no feature but the label: there is nothing to learn from"),
        ("nothing", "label", "binary", "",
         "{dir}: has no data set nothing that is prepared: run `tfds build nothing --data_dir {dir}` first"),
        ("small_digits", "digit", "binary", "", "{dir}/small_digits/1.0.0: has no feature 'digit'; it has image, label"),
        ("small_digits", "label", "binary", "",
         "{dir}/small_digits/1.0.0: label 'label' has 3 classes: set data.label.kind: multiclass"),
        ("small_digits", "label", "regression", "",
         "{dir}/small_digits/1.0.0: label 'label' (ClassLabel) is no number to regress on"),
        ("small_table", "price", "multiclass", "",
         "{dir}/small_table/1.0.0: label 'price' (Scalar) is no ClassLabel, so its classes are not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_clear_line(tmp_path, data_dir, name, label, kind, more, error):
    with pytest.raises(PrebakeError) as found:
        open_tfds(spec_of(tmp_path, data_dir, name, label, kind, more))
    assert str(found.value) == error.format(dir=data_dir)


def test_a_feature_may_be_left_out(tmp_path, data_dir):
    spec = spec_of(
        tmp_path, data_dir, "small_table", "price", "regression", ", columns: {place: ignore, kind: ignore}"
    )
    assert [one.name for one in open_tfds(spec).manifest.features] == ["garden", "rooms", "size"]


def test_a_file_that_was_cut_at_a_record_boundary_is_refused(tmp_path):
    directory = str(tmp_path / "cut")
    prepare(SmallDigits, directory, shards=3)
    path = os.path.join(directory, "small_digits/1.0.0/small_digits-train.tfrecord-00001-of-00003")
    records = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
    with tf.io.TFRecordWriter(path) as writer:
        for record in records[:-1]:
            writer.write(record)
    with pytest.raises(ArtifactError) as found:
        open_tfds(spec_of(tmp_path, directory, "small_digits"))
    assert str(found.value) == f"{path}: does not hold 20 whole rows: prepare the data set again"
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 1)
    with pytest.raises(ArtifactError, match="does not hold 20 whole rows"):
        open_tfds(spec_of(tmp_path, directory, "small_digits"))
