"""In: the manifest of `examples/`. Out: how to parse them, as JSON and as a Python file, for anybody's trainer."""

from __future__ import annotations

import json
import os
from typing import Any

from .labels import label_feature
from .manifest_pb2 import OUTPUT_FLOAT, LabelEntry, Manifest, OutputFeature
from .spec_pb2 import COMPRESSION_GZIP, REGRESSION, LabelKind

FORMAT_VERSION = 1
FEATURE_SPEC, PARSE_EXAMPLES = "feature_spec.json", "parse_examples.py"
WEIGHT = "weight"
ID_PADDING = -1


def feature_spec(manifest: Manifest) -> dict[str, Any]:
    """What to parse, of JSON's types alone.

    Args:
      manifest: of `examples/`.

    Returns:
      kind: "example" or "sequence_example": the message that each record is.
      features: by name: dtype ("float32" or "int64"); shape of a row's value: [], [n, …], [-1] a list, [-1, -1] a list of
        lists; sequence: it lies in the feature_lists, one Feature for each element of the outermost list; cardinality:
        ids are below it, 0: no id; padding of lists in batches: -1, "nan" for NaN, or null where there are none;
        weights_of: the feature whose values these are the weights of, or null.
      label: name, dtype, kind and classes (names by id) of the label, which is one value; for regression also log, mean
        and deviation: a model learns (f(label) - mean) / deviation, with f(y) = ln(1 + y) if log, else y.
      more_labels: only if there are any: the same of each further label.
      weight: name of the float32 that is the row's weight, or null.
      splits: by name: rows, files (relative to `examples/`), compression ("" or "GZIP").
    """
    return {
        "format_version": FORMAT_VERSION,
        "kind": "sequence_example" if any(one.sequence for one in manifest.features) else "example",
        "features": {feature.name: _feature(feature) for feature in manifest.features},
        "label": _label(manifest.label),
        **({"more_labels": [_label(one) for one in manifest.more_labels]} if manifest.more_labels else {}),
        "weight": WEIGHT if manifest.weighted else None,
        "splits": {
            split.name: {
                "rows": split.rows,
                "files": [shard.path for shard in split.shards],
                "compression": "GZIP" if split.compression == COMPRESSION_GZIP else "",
            }
            for split in manifest.splits
        },
    }


def write_feature_spec(directory: str, manifest: Manifest) -> None:
    """Writes `feature_spec.json` and `parse_examples.py` into `examples/`, before its manifest is."""
    spec = feature_spec(manifest)
    texts = {
        FEATURE_SPEC: json.dumps(spec, ensure_ascii=False, indent=2) + "\n",
        PARSE_EXAMPLES: parser_source(spec),
    }
    for name, text in texts.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)


def parser_source(spec: dict[str, Any]) -> str:
    """Python that needs TensorFlow alone and defines `parse(serialized)`: `spec` is from `feature_spec`."""
    context: list[str] = []
    sequences: list[str] = []
    flat: list[str] = []
    padding: list[str] = []
    for name, feature in spec["features"].items():
        key, dtype = _quoted(name), f"tf.{feature['dtype']}"
        if feature["padding"] is None:
            context.append(f"{key}: tf.io.FixedLenFeature({feature['shape']}, {dtype}),")
            continue
        padding.append(f"{key}: {_NAN if feature['padding'] == 'nan' else feature['padding']},")
        entry = f"{key}: tf.io.RaggedFeature({dtype}, row_splits_dtype=tf.int64),"
        (sequences if feature["sequence"] else context).append(entry)
        if feature["sequence"] and len(feature["shape"]) == 1:
            flat.append(f"{key},")
    labels = [spec["label"], *spec.get("more_labels", ())]
    for label in labels:
        context.append(f"{_quoted(label['name'])}: tf.io.FixedLenFeature([1], tf.{label['dtype']}),")
    popped = {label["name"]: f"features.pop({_quoted(label['name'])})" for label in labels}
    results = {"features": "features", "label": popped["label"]}
    if len(labels) > 1:
        listed = ", ".join(f"{_quoted(name)}: {value}" for name, value in popped.items())
        results = {"features": "features", "labels by name": f"{{{listed}}}"}
    if spec["weight"]:
        context.append(f"{_quoted(spec['weight'])}: tf.io.FixedLenFeature([], tf.float32),")
        results["weight"] = f"features.pop({_quoted(spec['weight'])})"
    is_sequence = spec["kind"] == "sequence_example"
    return _SOURCE.format(
        message="tf.SequenceExamples" if is_sequence else "tf.Examples",
        results=", ".join(results),
        context=_lines(context),
        sequences=f"\nSEQUENCES = {{{_lines(sequences)}}}" if is_sequence else "",
        flat=f"\n# One value for each step.\nFLAT = [{_lines(flat)}]" if flat else "",
        padding=f"\nPADDING = {{{_lines(padding)}}}" if padding else "",
        body=_body(is_sequence, bool(flat), bool(padding)),
        popped=", ".join(results.values()),
    )


_NAN = 'float("nan")'
_SOURCE = '''"""In: a batch of serialized {message} from this directory. Out: ({results}), as dense tensors.

Written by prebake beside the examples that it describes; needs TensorFlow alone. From this directory:

    split = json.load(open("feature_spec.json"))["splits"]["train"]
    batches = tf.data.TFRecordDataset(split["files"], split["compression"]).batch(512).map(parse)
"""

import tensorflow as tf

CONTEXT = {{{context}}}{sequences}{flat}{padding}


def parse(serialized):
    """string [batch] -> ({results}).

    A feature is [batch, ...] with the shape that feature_spec.json gives; lists are as long as the longest and padded.
    """
{body}
    return {popped}
'''


def _body(is_sequence: bool, flat: bool, padding: bool) -> str:
    if is_sequence:
        lines = ["features, sequences, _ = tf.io.parse_sequence_example(serialized, CONTEXT, SEQUENCES)"]
        if flat:
            lines += ["for name in FLAT:", "    sequences[name] = sequences[name].merge_dims(1, 2)"]
        lines.append("features.update(sequences)")
    else:
        lines = ["features = tf.io.parse_example(serialized, CONTEXT)"]
    if padding:
        lines += [
            "for name, value in PADDING.items():",
            "    features[name] = features[name].to_tensor(value)",
        ]
    return "\n".join(f"    {line}" for line in lines)


def _lines(entries: list[str]) -> str:
    return "".join(f"\n    {entry}" for entry in entries) + "\n"


def _quoted(text: str) -> str:
    # JSON's strings, not escaped to ASCII, are Python's.
    return json.dumps(text, ensure_ascii=False)


def _feature(feature: OutputFeature) -> dict[str, Any]:
    is_float, is_list = feature.type == OUTPUT_FLOAT, min(feature.shape, default=0) < 0
    return {
        "dtype": "float32" if is_float else "int64",
        "shape": list(feature.shape),
        "sequence": feature.sequence,
        "cardinality": feature.cardinality,
        "padding": ("nan" if is_float else ID_PADDING) if is_list else None,
        "weights_of": feature.weights_of or None,
    }


def _label(label: LabelEntry) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": label_feature(label),
        "dtype": "float32" if label.kind == REGRESSION else "int64",
        "kind": LabelKind.Name(label.kind).lower(),
        "classes": list(label.classes),
    }
    if label.kind == REGRESSION:
        entry |= {"log": label.log, "mean": label.mean, "deviation": label.deviation or 1.0}
    return entry
