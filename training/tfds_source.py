"""In: the name of a data set of TensorFlow Datasets that is prepared in a folder. Out: its rows as Examples.

The features of the data set are the model's inputs, as they are: images from 0 to 1, numbers as float32, classes as ids.
There is no analysis, no transform graph and no CSV file.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError, PrebakeError
from ..schemas.manifest import set_fingerprint
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, Manifest, OutputFeature
from ..schemas.source_check import TFDS
from ..schemas.spec_pb2 import BINARY, COMPRESSION_NONE, IGNORE, NUMBER, REGRESSION, Spec
from ..transforms.outputs import id_output
from .dataset import Examples

# What other data sets call the split that prebake calls valid.
_NAMES = {"train": ("train",), "valid": ("validation", "valid"), "test": ("test",)}
Raw = Mapping[str, tf.Tensor]


def open_tfds(spec: Spec) -> Examples:
    """Opens a data set; nothing is downloaded.

    Args:
      spec: resolved; its data part names the label, its kind, and features to leave out (columns of type ignore).

    Raises:
      ArtifactError: the data set is not prepared there, is stored in another form than TFRecord, or a file is cut.
      PrebakeError: tensorflow-datasets is not installed, or a feature is none that a model reads.
    """
    return DataSet(spec).examples()


class DataSet:
    """A prepared data set.

    Attributes:
      directory: of it.
      inputs: name, shape and dtype of each feature that the model reads, as the data set has it.
    """

    def __init__(self, spec: Spec):
        self._spec = spec
        self._info = _find(spec)
        self.directory = str(self._info.data_dir)
        ignored = [column.name for column in spec.data.columns if column.type == IGNORE]
        self._label = spec.data.label.column
        for name in (self._label, *ignored):
            if name not in self._info.features:
                listed = ", ".join(sorted(self._info.features))
                raise ArtifactError(self.directory, f"has no feature '{name}'; it has {listed}")
        self._features = {
            name: feature
            for name, feature in sorted(self._info.features.items())
            if name not in (self._label, *ignored)
        }
        self._outputs = [self._output(name, feature) for name, feature in self._features.items()]
        if not self._outputs:
            raise ArtifactError(
                self.directory, "has no feature but the label: there is nothing to learn from"
            )
        self.inputs = {
            name: tf.TensorSpec([None, *feature.shape], feature.tf_dtype)
            for name, feature in self._features.items()
        }

    def examples(self) -> Examples:
        """Its rows."""
        manifest = Manifest(step="examples", features=self._outputs)
        self._set_label(manifest)
        self._add_splits(manifest)
        with open(os.path.join(self.directory, "dataset_info.json"), "rb") as file:
            info = file.read()
        with open(os.path.join(self.directory, "features.json"), "rb") as file:
            info += file.read()
        read = Manifest(features=manifest.features, label=manifest.label, splits=manifest.splits)
        set_fingerprint(
            manifest,
            {"data set": hashlib.sha256(info).digest(), "what is read of it": read.SerializeToString(deterministic=True)},
        )  # fmt: skip
        return Examples(self.directory, manifest, parse=self._parse)

    def raw(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """Records, string [batch] → the features as the data set has them, by name [batch, …], the label too."""
        wanted = [*self._features, self._label]
        signature = {
            name: tf.TensorSpec(self._info.features[name].shape, self._info.features[name].tf_dtype)
            for name in wanted
        }

        def one(record: tf.Tensor) -> dict[str, tf.Tensor]:
            found = self._info.features.deserialize_example(record)
            return {name: tf.ensure_shape(found[name], signature[name].shape) for name in wanted}

        return tf.map_fn(one, serialized, fn_output_signature=signature)

    def model_inputs(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Features as the data set has them → as the model reads them, float32 or int64."""
        return {
            output.name: _number(raw[output.name], self._features[output.name])
            if output.type == OUTPUT_FLOAT
            else tf.cast(raw[output.name], tf.int64)
            for output in self._outputs
        }

    def _parse(self, serialized: tf.Tensor) -> tuple:
        raw = self.raw(serialized)
        label = raw[self._label][:, tf.newaxis]
        kind = tf.float32 if self._spec.data.label.kind == REGRESSION else tf.int64
        return self.model_inputs(raw), tf.cast(label, kind)

    def _output(self, name: str, feature: Any) -> OutputFeature:
        classes = _classes(feature)
        if classes:
            return id_output(name, len(classes), tuple(feature.shape))
        fault, shape = "", feature.shape
        if not hasattr(feature, "tf_dtype") or isinstance(feature.tf_dtype, Mapping):
            fault = "is several features or a sequence"
        elif not (feature.tf_dtype.is_floating or feature.tf_dtype.is_integer or feature.tf_dtype.is_bool):
            fault = f"holds {feature.tf_dtype.name}s, and there is no transform that makes numbers of them"
        elif shape is None or None in shape:
            fault = f"has no fixed shape: {shape}"
        if fault:
            raise ArtifactError(
                self.directory,
                f"feature '{name}' ({type(feature).__name__}) {fault}; leave it out by data.columns: {{{name}: ignore}}",
            )
        return OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER, shape=list(feature.shape))

    def _set_label(self, manifest: Manifest) -> None:
        feature, kind = self._info.features[self._label], self._spec.data.label.kind
        classes = _classes(feature)
        manifest.label.column, manifest.label.kind = self._label, kind
        if kind == REGRESSION:
            if (
                classes
                or tuple(feature.shape)
                or not (feature.tf_dtype.is_floating or feature.tf_dtype.is_integer)
            ):
                raise ArtifactError(
                    self.directory, f"label '{self._label}' ({type(feature).__name__}) is no number to regress on"
                )  # fmt: skip
            return
        if not classes or tuple(feature.shape):
            raise ArtifactError(
                self.directory,
                f"label '{self._label}' ({type(feature).__name__}) is no ClassLabel, so its classes are not known",
            )
        if kind == BINARY and len(classes) != 2:
            raise ArtifactError(
                self.directory,
                f"label '{self._label}' has {len(classes)} classes: set data.label.kind: multiclass",
            )
        manifest.label.classes.extend(classes)

    def _add_splits(self, manifest: Manifest) -> None:
        """The data set's own splits; a missing valid or test split is taken from the ends of train's files."""
        if "train" not in self._info.splits:
            raise ArtifactError(
                self.directory, f"has no train split; it has {', '.join(sorted(self._info.splits))}"
            )
        shares = self._spec.data.split
        own = {
            ours: next((name for name in names if name in self._info.splits), "")
            for ours, names in _NAMES.items()
        }
        # The end of each file of train: valid before test.
        taken = {ours: getattr(shares, ours) if not own[ours] else 0.0 for ours in ("valid", "test")}
        total = shares.train + sum(taken.values())
        for ours in _NAMES:
            split = manifest.splits.add(name=ours, compression=COMPRESSION_NONE)
            for path, rows in self._files(own[ours] or "train"):
                cuts = [0, rows]
                if not own[ours] or ours == "train":
                    ends = np.cumsum([shares.train, taken["valid"], taken["test"]]) / total
                    bounds = [0, *(round(rows * float(end)) for end in ends)]
                    place = list(_NAMES).index(ours)
                    cuts = bounds[place : place + 2]
                split.shards.add(path=path, first=cuts[0], rows=cuts[1] - cuts[0])
                split.rows += cuts[1] - cuts[0]

    def _files(self, name: str) -> list[tuple[str, int]]:
        """Path below the directory and rows of each file of a split."""
        split, found = self._info.splits[name], []
        for file, rows in zip(split.filepaths, split.shard_lengths, strict=True):
            path = os.path.relpath(os.fspath(file), self.directory)
            if _records(os.fspath(file)) != rows:
                raise ArtifactError(
                    os.fspath(file), f"does not hold {rows} whole rows: prepare the data set again"
                )
            found.append((path, int(rows)))
        return found


def _find(spec: Spec) -> Any:
    """The DatasetInfo."""
    name, where = spec.training.source.removeprefix(TFDS), spec.training.data_dir or None
    try:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.read_only_builder import builder_from_files
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorflow_datasets":
            raise
        raise PrebakeError("tensorflow_datasets is not installed: pip install 'prebake[tfds]'") from None
    try:
        # From its files: no code of the data set runs, and nothing is downloaded.
        info = builder_from_files(name, data_dir=where).info
    except (tfds.core.DatasetNotFoundError, ValueError):
        folder = where or os.path.join("~", "tensorflow_datasets")
        raise ArtifactError(
            folder,
            f"has no data set {name} that is prepared: run `tfds build {name} --data_dir {folder}` first",
        ) from None
    if info.file_format != tfds.core.FileFormat.TFRECORD:
        form = info.file_format.value
        raise ArtifactError(
            str(info.data_dir),
            f"is stored as {form}, and prebake reads TFRecord: prepare it with --file_format=tfrecord",
        )
    return info


def _classes(feature: Any) -> list[str]:
    """Names of the classes of a ClassLabel; empty if it is none."""
    names = getattr(feature, "names", None)
    return list(names) if names and hasattr(feature, "num_classes") else []


def _number(value: tf.Tensor, feature: Any) -> tf.Tensor:
    """As float32; pixels from 0 to 1."""
    number = tf.cast(value, tf.float32)
    if type(feature).__name__ == "Image" and feature.tf_dtype.is_integer:
        # A factor, not a division: the same bits in every graph.
        return number * np.float32(1 / feature.tf_dtype.max)
    return number


def _records(path: str) -> int:
    """How many whole records a TFRecord file has; -1 if it ends within one or is not there."""
    try:
        with open(path, "rb") as file:
            size, place, found = os.fstat(file.fileno()).st_size, 0, 0
            while place < size:
                file.seek(place)
                head = file.read(8)
                if len(head) < 8:
                    return -1
                # Length, its CRC, the record, its CRC.
                place += 16 + struct.unpack("<Q", head)[0]
                found += 1
            return found if place == size else -1
    except OSError:
        return -1
