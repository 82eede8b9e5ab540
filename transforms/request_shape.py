"""In: the tensors of a request, one for each column. Out: the same, one value a row each, or an error that names them."""

from __future__ import annotations

from collections.abc import Collection

import tensorflow as tf

from .apart import apart
from .sources import placeholder


def same_rows(inputs: dict[str, tf.Tensor], optional: Collection[str]) -> dict[str, tf.Tensor]:
    """The columns, [batch] each.

    Args:
      inputs: by column; a client may send any shape, whatever the signature says.
      optional: columns of which [0] means missing in every row.

    Raises:
      InvalidArgumentError (when it runs): a column has not one value a row, or not as many as the others.
    """
    names = list(inputs)
    alike = tf.cond(
        _regular(list(inputs.values())),
        lambda: [inputs[name] for name in names],
        apart(lambda: _filled(inputs, optional)),
    )
    for x in alike:
        x.set_shape([None])
    return dict(zip(names, alike, strict=True))


def _length(x: tf.Tensor) -> tf.Tensor:
    """Of sizes, int32 [n]. `tf.size` would be what the signature promises: TensorFlow works it out without the request."""
    return tf.size(tf.where(x >= 0))


def _regular(columns: list[tf.Tensor]) -> tf.Tensor:
    """bool: all have one dimension, and the same number of rows."""
    shapes = []
    for dtype in {x.dtype: None for x in columns}:
        shapes += tf.raw_ops.ShapeN(input=[x for x in columns if x.dtype == dtype])
    # One number for each column if they have one dimension.
    rows = tf.concat(shapes, axis=0)
    return tf.equal(_length(rows), len(columns)) & tf.reduce_all(tf.equal(rows, rows[:1]))


def _filled(columns: dict[str, tf.Tensor], optional: Collection[str]) -> list[tf.Tensor]:
    names = tf.constant([f"'{name}'" for name in columns])
    shapes = [tf.shape(x) for x in columns.values()]
    shown = tf.stack(
        [tf.strings.reduce_join(tf.strings.as_string(shape), separator=", ") for shape in shapes]
    )
    wrong = tf.stack([tf.not_equal(_length(shape), 1) for shape in shapes])
    told = tf.boolean_mask(tf.strings.join(["column ", names, " has the shape [", shown, "]"]), wrong)
    text = tf.strings.reduce_join(told, separator="; ")
    check = tf.debugging.Assert(
        ~tf.reduce_any(wrong), [tf.strings.join([text, "; a column has one value for each row: [rows]"])]
    )
    with tf.control_dependencies([check] if check is not None else []):
        rows = tf.stack([tf.size(x) for x in columns.values()])
    batch = tf.reduce_max(rows)
    absent = tf.equal(rows, 0) & tf.constant([name in optional for name in columns])
    counts = tf.strings.reduce_join(
        tf.strings.join([names, " has ", tf.strings.as_string(rows)]), separator=", "
    )
    check = tf.debugging.Assert(
        tf.reduce_all(tf.equal(rows, batch) | absent),
        [tf.strings.join(["columns have different numbers of rows: ", counts])],
    )
    with tf.control_dependencies([check] if check is not None else []):
        lacking = tf.unstack(batch - rows)
    return [
        tf.concat([tf.reshape(x, [-1]), tf.fill([count], tf.constant(placeholder(x.dtype), x.dtype))], axis=0)
        for x, count in zip(columns.values(), lacking, strict=True)
    ]
