"""In: nothing. Out: small data sets, prepared by TensorFlow Datasets' own builders, without a network."""

from __future__ import annotations

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import gcs_utils

# Or each builder asks a bucket whether the data set is there already prepared.
gcs_utils._is_gcs_disabled = True

CLASSES = ["dark", "grey", "light"]


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 60, "test": 20}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(self.features()))

    def _split_generators(self, dl_manager):
        return {name: self._rows(count, seed) for seed, (name, count) in enumerate(self.SPLITS.items())}

    def _generate_examples(self):
        raise NotImplementedError  # the generators are given above


class SmallDigits(_Builder, skip_registration=True):
    """Grey images of 4 x 3 pixels, the class is how light they are."""

    def features(self):
        return {
            "image": tfds.features.Image(shape=(4, 3, 1)),
            "label": tfds.features.ClassLabel(names=CLASSES),
        }

    def _rows(self, count, seed):
        generator = np.random.default_rng(seed)
        for number in range(count):
            label = number % 3
            yield (
                number,
                {
                    "image": (generator.integers(0, 80, (4, 3, 1)) + 80 * label).astype(np.uint8),
                    "label": label,
                },
            )


class SmallTable(_Builder, skip_registration=True):
    """Numbers, a class, a vector and a label that is a number; three splits."""

    SPLITS = {"train": 50, "validation": 20, "test": 10}

    def features(self):
        return {
            "size": tfds.features.Scalar(np.float32),
            "rooms": tfds.features.Scalar(np.int64),
            "kind": tfds.features.ClassLabel(names=["flat", "house"]),
            "place": tfds.features.Tensor(shape=(2,), dtype=np.float32),
            "garden": tfds.features.Scalar(np.bool_),
            "price": tfds.features.Scalar(np.float32),
        }

    def _rows(self, count, seed):
        generator = np.random.default_rng(seed)
        for number in range(count):
            size, kind = float(generator.uniform(20, 200)), number % 2
            row = {
                "size": size,
                "rooms": number % 5,
                "kind": kind,
                "place": generator.normal(size=2).astype(np.float32),
            }
            yield number, {**row, "garden": number % 3 == 0, "price": size / 50 + kind}


class SmallTexts(_Builder, skip_registration=True):
    """A text and a class."""

    def features(self):
        return {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}

    def _rows(self, count, seed):
        for number in range(count):
            yield number, {"text": f"text {number}", "label": number % 2}


def prepare(builder: type, data_dir: str, shards: int = 1) -> None:
    """Writes the data set below `data_dir`."""
    config = tfds.download.DownloadConfig(num_shards=shards) if shards > 1 else None
    builder(data_dir=data_dir).download_and_prepare(download_config=config)
