"""In: what TFT's analyzers of a user's function found in some files. Out: the same read back: only new files need a read.

TFT's analyzer cache, in files of our own: a folder for each set of files that was analysed together, and in it one TFRecord
file for each analyzer. TFT itself would keep its index as a pickle. Decoding what it holds is TFT's part (it unpickles
quantiles), so a cache is as trusted as the user's function, which the command line names.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from apache_beam.transforms.combiners import ToListCombineFn
from tensorflow_transform.beam.analysis_graph_builder import get_analysis_dataset_keys
from tensorflow_transform.beam.analyzer_cache import DatasetCache, DatasetKey
from tfx_bsl.tfxio import tensor_adapter

from .training_columns import adapter_config
from .user_function import UserFunction
from .wire_format import frame_records

_CACHE, _INDEX = os.path.join("user_features", "cache"), "index.json"
# By set of files, by analyzer: encoded accumulators.
Cache = Mapping[str, Mapping[bytes, Sequence[bytes]]]


def read_cache(transform_dir: str) -> dict[str, dict[bytes, list[bytes]]]:
    """What earlier analyses kept below `transform/`, whose manifest was verified."""
    folder = os.path.join(transform_dir, _CACHE)
    cache: dict[str, dict[bytes, list[bytes]]] = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name, _INDEX), encoding="utf-8") as file:
            keys = json.load(file)
        cache[name] = {
            bytes.fromhex(key): list(tf.data.TFRecordDataset(_entry(folder, name, place)).as_numpy_iterator())
            for place, key in enumerate(keys)
        }
    return cache


def next_name(cache: Cache) -> str:
    """Of the files that are analysed now."""
    return f"analysis-{len(cache) + 1:05d}"


def covers(user: UserFunction, cache: Cache) -> bool:
    """Whether every analyzer of the function can go on from the cache, so that only new files have to be read."""
    keys = {DatasetKey(name) for name in [*cache, next_name(cache)]}
    known = {DatasetKey(name): DatasetCache(dict(entries), None) for name, entries in cache.items()}
    specs = tensor_adapter.TensorAdapter(adapter_config(user.features)).OriginalTypeSpecs()
    needed = get_analysis_dataset_keys(user.preprocessing_fn, specs, keys, known, False)
    return needed <= {DatasetKey(next_name(cache))}


def analyze_user(rows: Any, user: UserFunction, cache: Cache, folder: str) -> Any:
    """TFT's analysis of the function's rows together with the cache.

    Args:
      rows: PCollection of RecordBatch with the function's inputs.
      user: the function.
      cache: of earlier analyses; covers the function, or is empty.
      folder: is made; the accumulators of these rows are written there, as `keep` wants them.

    Returns:
      The transform function, as TFT writes it.
    """
    pipeline, name = rows.pipeline, next_name(cache)
    known = {
        DatasetKey(earlier): DatasetCache(
            {
                key: pipeline | f"Create {earlier} {place}" >> beam.Create(values)
                for place, (key, values) in enumerate(entries.items())
            },
            None,
        )
        for earlier, entries in cache.items()
    }
    datasets = {**dict.fromkeys(known), DatasetKey(name): rows}
    found, output = (datasets, known, adapter_config(user.features)) | "AnalyzeUser" >> (
        tft_beam.AnalyzeDatasetWithCache(user.preprocessing_fn, pipeline)
    )
    entries = output[DatasetKey(name)].cache_dict if output and DatasetKey(name) in output else {}
    os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, name, _INDEX), "w", encoding="utf-8") as file:
        json.dump([key.hex() for key in entries], file)
    for place, values in enumerate(entries.values()):
        (
            values
            | f"Gather {place}" >> beam.CombineGlobally(ToListCombineFn())
            # list of bytes
            | f"WriteCache {place}" >> beam.Map(_write, _entry(folder, name, place))
        )
    return found


def keep(found: str, earlier: str | None, transform_dir: str) -> None:
    """Puts the cache of these files, and those of the analysis before, below `transform/`.

    Args:
      found: the folder that `analyze_user` filled.
      earlier: `transform/` of the analysis that this one extends; None: this one read all files.
      transform_dir: of this one.
    """
    target = os.path.join(transform_dir, _CACHE)
    shutil.copytree(found, target)
    if earlier is not None:
        shutil.copytree(os.path.join(earlier, _CACHE), target, dirs_exist_ok=True)


def _entry(folder: str, name: str, place: int) -> str:
    return os.path.join(folder, name, f"{place}.tfrecord")


def _write(values: list[bytes], path: str) -> None:
    with open(path, "wb") as file:
        file.write(frame_records(sorted(values)))
