"""In: a spec and the manifest of `transform/`. Out: what `examples/` will be: features, shards of each split, manifest."""

from __future__ import annotations

from collections.abc import Sequence

from .csv_file import SPLITS
from .feature_spec import WEIGHT
from .labels import label_entries, label_feature
from .manifest import set_fingerprint
from .manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, Manifest, OutputFeature
from .spec import spec_text
from .spec_pb2 import COMPRESSION_GZIP, REGRESSION, Compression, Spec

STEP = "examples"
_BYTES_PER_SHARD = 16 << 20
_TRAIN_SHARDS = 4
# More than are kept, so that chance leaves enough of them in the first shard: at least 5 standard deviations.
_SAMPLE_MARGIN, _SAMPLE_EXTRA = 1.5, 32


def example_features(transform: Manifest, spec: Spec) -> list[OutputFeature]:
    """Everything that one Example holds: features, labels, weight."""
    labels = [
        OutputFeature(
            name=label_feature(label),
            type=OUTPUT_FLOAT if label.kind == REGRESSION else OUTPUT_INT64,
            cardinality=len(label.classes),
        )
        for label in label_entries(transform)
    ]
    weight = [OutputFeature(name=WEIGHT, type=OUTPUT_FLOAT)] if spec.data.weight else []
    return [*transform.features, *labels, *weight]


def split_rows(transform: Manifest) -> list[int]:
    """Rows of train, valid and test, as far as the analysis could tell bad rows."""
    return [sum(getattr(entry, f"{name}_rows") for entry in transform.inputs) for name in SPLITS]


def sample_bounds(spec: Spec, rows: Sequence[int], shards: Sequence[int]) -> list[int]:
    """By split: rows of its first shard with an ORDER hash below this are enough for the sample of raw rows."""
    bounds = []
    for count, parts in zip(rows, shards, strict=True):
        wanted = (spec.examples.sample_rows * _SAMPLE_MARGIN + _SAMPLE_EXTRA) * parts
        bounds.append(min(2**64, int(2**64 * wanted / count)) if count else 1)
    return bounds


def shard_counts(spec: Spec, transform: Manifest) -> list[int]:
    """Shards of train, valid and test: the spec's, or by the bytes of CSV that go into the split; none for no row."""
    given = (spec.examples.train_shards, spec.examples.valid_shards, spec.examples.test_shards)
    size = sum(entry.size for entry in transform.inputs)
    rows = split_rows(transform)
    counts = []
    for number, (wanted, count) in enumerate(zip(given, rows, strict=True)):
        by_size = -(-size * count // (sum(rows) * _BYTES_PER_SHARD))
        least = _TRAIN_SHARDS if number == 0 else 1
        counts.append((wanted or max(least, by_size)) if count else 0)
    return counts


def examples_manifest(spec: Spec, transform: Manifest) -> Manifest:
    """The manifest of `examples/` before it is written."""
    manifest = Manifest(
        step=STEP,
        features=transform.features,
        label=transform.label,
        more_labels=transform.more_labels,
        weighted=bool(spec.data.weight),
    )
    for entry in transform.inputs:
        manifest.inputs.add(path=entry.path, size=entry.size, crc32c=entry.crc32c, empty=entry.empty)
    set_fingerprint(
        manifest,
        {
            "transform step": transform.fingerprint,
            "examples part of the spec": spec_text(Spec(examples=spec.examples)),
        },
    )
    return manifest


def shard_path(place: int, shards: int, compression: Compression) -> str:
    """File name of one of a split's shards."""
    return f"part-{place:05d}-of-{shards:05d}.tfrecord" + (".gz" if compression == COMPRESSION_GZIP else "")
