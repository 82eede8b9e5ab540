"""In: the Python file that a spec names. Out: its TFT `preprocessing_fn` as the analysis runs it, and its features.

Running it is running somebody's code: the command line asks for it by name first.
"""

from __future__ import annotations

import os
import runpy
import shutil
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import SpecError
from ..schemas.labels import label_columns, reserved_names
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature
from ..schemas.spec_pb2 import FILE, IGNORE, NUMBER, Spec
from ..transforms.graph import dtype_of
from ..transforms.outputs import id_output
from ..transforms.user_features import FOLDER, write_description

_PREFIX = "user_"


class UserFunction:
    """A user's `preprocessing_fn(inputs)`; inputs are all raw columns but labels and weight.

    Args:
      spec: resolved; names the file.

    Attributes:
      columns: raw columns by the name that they have in the analysis.
      dtypes: by that name.
      used: columns that the function looked at, once TFT has traced it.

    Raises:
      SpecError: the file cannot be run or has no `preprocessing_fn`.
    """

    def __init__(self, spec: Spec):
        path = spec.preprocessing_fn
        try:
            self._function = runpy.run_path(path)["preprocessing_fn"]
        except KeyError:
            reason = f"{path} defines no `preprocessing_fn`"
            raise SpecError(
                "spec", None, "preprocessing_fn", reason, "def preprocessing_fn(inputs): …"
            ) from None
        except Exception as error:
            reason = f"{path} cannot be run: {type(error).__name__}: {error}"
            raise SpecError("spec", None, "preprocessing_fn", reason) from error
        without = (*label_columns(spec.data), spec.data.weight)
        columns = [
            column
            for column in spec.data.columns
            if column.name not in without and column.type not in (IGNORE, FILE)
        ]
        self.columns = {f"{_PREFIX}{place}": column.name for place, column in enumerate(columns)}
        self.dtypes = {f"{_PREFIX}{place}": dtype_of(column) for place, column in enumerate(columns)}
        self.used: set[str] = set()
        self._path = path
        self._taken = {feature.name for feature in spec.features} | reserved_names(spec)
        self._taken |= {f"{feature.name}_missing" for feature in spec.features if feature.missing.indicator}
        self._taken |= {
            f"{feature.name}_weights" for feature in spec.features if feature.value_weights or feature.tf_idf
        }

    @property
    def features(self) -> dict[str, tf.io.FixedLenFeature]:
        """Of its inputs, as TFT wants them."""
        return {name: tf.io.FixedLenFeature([], dtype) for name, dtype in self.dtypes.items()}

    def preprocessing_fn(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """As TFT calls it.

        Raises:
          SpecError: the function fails, gives no dict, or an output has a name that is taken.
        """
        given = _Noted({column: inputs[name] for name, column in self.columns.items()})
        try:
            outputs = self._function(given)
        except Exception as error:
            reason = f"{self._path} fails: {type(error).__name__}: {error}"
            hint = f"its inputs are {', '.join(self.columns.values())}"
            raise SpecError("spec", None, "preprocessing_fn", reason, hint) from error
        if not isinstance(outputs, Mapping) or not outputs or not given.used:
            reason = f"{self._path} must give a dict of tensors by name, made of its inputs"
            raise SpecError("spec", None, "preprocessing_fn", reason)
        taken = sorted(self._taken & set(outputs))
        if taken:
            reason = f"its output '{taken[0]}' has a name that is taken"
            raise SpecError("spec", None, "preprocessing_fn", reason, "call it otherwise")
        self.used |= given.used
        return dict(outputs)


class _Noted(dict):
    """Raw columns by name, which notes those that are looked at."""

    def __init__(self, columns: Mapping[str, tf.Tensor]):
        super().__init__(columns)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> tf.Tensor:
        value = super().__getitem__(name)
        self.used.add(name)
        return value

    def get(self, name: str, default=None):
        self.used.update({name} & set(super().keys()))
        return super().get(name, default)

    def pop(self, name: str, *default):
        self.used.update({name} & set(super().keys()))
        return super().pop(name, *default)

    def copy(self):
        return dict(self.items())

    def items(self):
        self.used.update(super().keys())
        return super().items()

    def values(self):
        self.used.update(super().keys())
        return super().values()


def write_user_features(found: str, user: UserFunction, transform_dir: str) -> None:
    """Copies what TFT wrote below `transform/`, with a description of what it gives.

    Raises:
      SpecError: an output is text, or its shape is not known.
    """
    output = tft.TFTransformOutput(found)
    ranges = {
        feature.name: feature.int_domain.max + 1
        for feature in output.transformed_metadata.schema.feature
        if feature.HasField("int_domain") and feature.int_domain.is_categorical
    }
    features = [
        _output(name, entry, ranges.get(name, 0))
        for name, entry in sorted(output.transformed_feature_spec().items())
    ]
    folder = os.path.join(transform_dir, FOLDER)
    os.makedirs(folder)
    shutil.copytree(os.path.join(found, "transform_fn"), os.path.join(folder, "transform_fn"))
    inputs = {name: (column, user.dtypes[name]) for name, column in user.columns.items()}
    write_description(transform_dir, inputs, user.used, features)


def _output(name: str, entry: object, ids: int) -> OutputFeature:
    dtype = entry.dtype  # type: ignore[attr-defined]
    if dtype == tf.string:
        hint = "give numbers, or ids by tft.compute_and_apply_vocabulary"
        raise SpecError("spec", None, "preprocessing_fn", f"its output '{name}' is text", hint)
    shape = tuple(entry.shape) if isinstance(entry, tf.io.FixedLenFeature) else (-1,)
    if ids and dtype == tf.int64:
        return id_output(name, ids, shape)
    kind = OUTPUT_FLOAT if dtype == tf.float32 else OUTPUT_INT64
    return OutputFeature(name=name, type=kind, shape=shape, encode=NUMBER)
