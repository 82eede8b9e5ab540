"""In: the training split's rows. Out: `transform/`, i.e. statistics, vocabularies and the transform graph.

One full pass over the files, and one more for each step that needs the statistics of the one before (transforms/needs.py);
TensorFlow Transform runs the analyzers (transforms/preprocessing.py).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import apache_beam as beam
import google_crc32c
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from ..schemas.bad_rows import NAMED
from ..schemas.commit import is_current, publish, temporary_directory
from ..schemas.errors import DataError, SpecError
from ..schemas.labels import label_path
from ..schemas.manifest import set_fingerprint
from ..schemas.manifest_pb2 import LabelEntry, Manifest
from ..schemas.portable_spec import portable_spec
from ..schemas.spec import spec_text
from ..schemas.spec_pb2 import BINARY, MULTICLASS, Spec
from ..schemas.statistics_pb2 import Statistics
from ..transforms.cross_ids import CrossIds
from ..transforms.finish import Finisher, copy_word_vectors, merge_found
from ..transforms.graph import graph_of
from ..transforms.learnt import Learnt
from ..transforms.needs import Needs, in_order, passes_of
from ..transforms.outputs import check_shares
from ..transforms.pass_inputs import feature_spec
from ..transforms.preprocessing import FORMAT_VERSION, preprocessing_fn
from ..transforms.saved_graph import save_graph
from ..transforms.vocabulary_files import read_vocabularies
from .collect import WriteJson, read_json
from .counts import InputCounts, check_counts
from .extend import Earlier, note_kept_ids, write_accumulators
from .index import IndexedFile
from .local_workers import worker_processes
from .progress import progress_bar
from .read import BAD_ROWS, COUNTS, ReadCsv
from .runner import make_pipeline, run
from .training_columns import SPLIT_ROWS, TrainingColumns, adapter_config, select
from .user_cache import Cache, analyze_user
from .user_cache import keep as keep_user_cache
from .user_function import UserFunction, write_user_features

STEP = "transform"


def transform_manifest(spec: Spec, indexed: Sequence[IndexedFile]) -> Manifest:
    """The manifest of `transform/` before it is written: fingerprint and input files."""
    manifest = Manifest(step=STEP)
    for entry in indexed:
        file = entry.file
        manifest.inputs.add(path=file.relative, size=file.size, crc32c=entry.crc32c, empty=entry.empty)
    inputs = "".join(
        f"{entry.file.relative}\t{entry.file.size}\t{entry.crc32c}\t{entry.file.split}\n" for entry in indexed
    )
    portable = portable_spec(spec)
    set_fingerprint(
        manifest,
        {
            "input files": inputs,
            "data part of the spec": spec_text(Spec(data=portable.data)),
            "features part of the spec": spec_text(Spec(features=portable.features)),
            "files that the features name": _contents(spec),
            "seed": str(spec.seed),
            "prebake's transform format": str(FORMAT_VERSION),
        },
    )
    return manifest


def _contents(spec: Spec) -> str:
    """Checksums of the vocabularies, word vectors and Python file that the spec names."""
    paths = [feature.vocabulary.file for feature in spec.features]
    paths += [feature.word_vectors.file for feature in spec.features]
    lines = []
    for path in [*paths, spec.preprocessing_fn]:
        if path:
            try:
                with open(path, "rb") as file:
                    lines.append(f"{google_crc32c.value(file.read())}\n")
            except OSError as error:
                raise DataError(path, None, None, None, f"cannot be read: {error.strerror}") from None
    return "".join(lines)


def analyze(
    spec: Spec,
    indexed: Sequence[IndexedFile],
    run_dir: str,
    *,
    beam_args: Sequence[str] = (),
    replace: bool = False,
    earlier: Earlier | None = None,
) -> bool:
    """Learns the statistics and publishes `transform/`.

    Args:
      spec: resolved.
      indexed: its files.
      run_dir: of the run.
      beam_args: Beam's own options.
      replace: a `transform/` made from something else is replaced.
      earlier: what was found before in some of the files; the first pass reads only the others, and the result is replaced.

    Returns:
      False if `transform/` was there already, made from the same.

    Raises:
      DataError: more bad rows than the spec allows, or a file changed while it was read.
      ArtifactError: `transform/` was made from something else.
    """
    directory = os.path.join(run_dir, STEP)
    manifest = transform_manifest(spec, indexed)
    keep = earlier.keep if earlier else {}
    note_kept_ids(manifest, directory, keep)
    if is_current(directory, manifest, replace=replace or earlier is not None):
        return False
    user = earlier.user if earlier else None
    if spec.preprocessing_fn and user is None:
        user = UserFunction(spec)
    with publish(directory, manifest, replace=replace or earlier is not None) as temporary:
        finisher: Finisher | None = None
        for number, needs in enumerate(passes_of(spec)):
            known = learnt_so_far(temporary, spec, finisher.statistics if finisher else None)
            # Before the rows are read: a cross with too many combinations is found here.
            sizes = cross_sizes(spec, needs, known)
            with temporary_directory(run_dir, "analyze-scratch") as scratch:
                one = _Pass(spec, needs, known, user if number == 0 else None)
                extended = earlier if number == 0 and earlier and earlier.is_enough else None
                read = extended.new(indexed) if extended else indexed
                cache = extended.user_cache if extended else {}
                counts = one.run(read, scratch, beam_args, number, cache)
                check_counts(counts, read, spec)
                found = [one.found(scratch)]
                if finisher is None:
                    counts.write(manifest)
                    if extended:
                        found.append(extended.found)
                        extended.write(manifest)
                    finisher = Finisher(spec, _training_rows(manifest, indexed), temporary, keep)
                    if user:
                        write_user_features(os.path.join(scratch, "user"), user, temporary)
                        before = directory if extended else None
                        keep_user_cache(os.path.join(scratch, "user-cache"), before, temporary)
            merged = merge_found(found)
            write_accumulators(temporary, number, merged)
            finisher.add(needs, merged, sizes)
        assert finisher is not None
        _write_graph(spec, finisher, manifest, temporary)
    return True


def learnt_so_far(directory: str, spec: Spec, statistics: Statistics | None) -> Learnt:
    """What the passes that are done have taught; `directory` has their vocabularies."""
    if statistics is None:
        return Learnt(spec, Statistics(rows=1, weight=1), {})
    return Learnt(spec, statistics, read_vocabularies(directory, statistics))


def cross_sizes(spec: Spec, needs: Needs, learnt: Learnt) -> dict[str, list[int]]:
    """By cross whose combinations a pass counts, how many ids each of its ingredients has."""
    return CrossIds(in_order(spec), needs.crosses, learnt).sizes


def _training_rows(manifest: Manifest, indexed: Sequence[IndexedFile]) -> int:
    rows = sum(entry.train_rows for entry in manifest.inputs)
    if not rows:
        raise DataError(
            indexed[0].file.path, None, None, None, "no row falls into the training split: see data.split"
        )
    return rows


class _Pass:
    """One pass over the training split."""

    def __init__(self, spec: Spec, needs: Needs, learnt: Learnt, user: UserFunction | None):
        self._spec, self._needs, self._learnt, self._user = spec, needs, learnt, user
        self._mean_weight = learnt.statistics.weight / learnt.statistics.rows
        self._features = feature_spec(spec, needs, user.dtypes if user else {})

    def run(
        self,
        indexed: Sequence[IndexedFile],
        scratch: str,
        beam_args: Sequence[str],
        number: int,
        cache: Cache,
    ) -> InputCounts:
        spec = self._spec
        ranges = [one for entry in indexed for one in entry.ranges]
        # What a user's own function costs a row is not known.
        processes = (
            1 if self._user else worker_processes(sum(one.stop - one.start for one in ranges), len(ranges))
        )
        pipeline = make_pipeline(beam_args, processes)
        with tft_beam.Context(temp_dir=os.path.join(scratch, "tft")):
            read = pipeline | "ReadCsv" >> ReadCsv(ranges, spec.data)
            columns = TrainingColumns(
                spec, self._needs, self._learnt, self._user.columns if self._user else {}
            )
            rows = read.blocks | "TrainingRows" >> beam.ParDo(columns).with_output_types(
                pa.RecordBatch
            ).with_outputs(SPLIT_ROWS, main="batches")
            # pa.RecordBatch
            batches = (rows.batches, adapter_config(self._features))
            found = batches | "Analyze" >> tft_beam.AnalyzeDataset(
                preprocessing_fn(spec, self._needs, self._learnt.of, self._mean_weight)
            )
            found | "WriteFound" >> tft_beam.WriteTransformFn(os.path.join(scratch, "found"))
            if self._user:
                own_rows = rows.batches | "UserColumns" >> beam.Map(select, sorted(self._user.dtypes))
                own = analyze_user(own_rows, self._user, cache, os.path.join(scratch, "user-cache"))
                own | "WriteUser" >> tft_beam.WriteTransformFn(os.path.join(scratch, "user"))
            first = read[BAD_ROWS] | "FirstBad" >> beam.combiners.Top.Smallest(NAMED, key=_place)
            seen = {"counts": read[COUNTS], "splits": rows[SPLIT_ROWS], "first_bad": first}
            seen | "WriteSeen" >> WriteJson(os.path.join(scratch, "seen.json"))
            name = "analyze" if number == 0 else f"analyze, pass {number + 1}"
            with progress_bar(name, sum(entry.records for entry in indexed)):
                run(pipeline)
        told = read_json(os.path.join(scratch, "seen.json"))
        first_bad = [bad for group in told["first_bad"] for bad in group]
        return InputCounts.from_json(told["counts"], told["splits"], first_bad)

    def found(self, scratch: str) -> dict[str, bytes]:
        """Runs the graph that TFT wrote on one row: its outputs are the accumulators, whatever the row."""
        output = tft.TFTransformOutput(os.path.join(scratch, "found"))
        row = {}
        for name, feature in self._features.items():
            if isinstance(feature, tf.io.VarLenFeature):
                row[name] = tf.sparse.from_dense(tf.zeros([1, 1], feature.dtype))
            else:
                row[name] = tf.zeros([1, *feature.shape], feature.dtype)
        return {name: value.numpy()[0] for name, value in output.transform_raw_features(row).items()}


def _place(bad: dict) -> tuple[str, int]:
    return bad["file"], bad["row"]


def _write_graph(spec: Spec, finisher: Finisher, manifest: Manifest, directory: str) -> None:
    with open(os.path.join(directory, "statistics.pb"), "wb") as file:
        file.write(finisher.statistics.SerializeToString(deterministic=True))
    with open(os.path.join(directory, "spec.pbtxt"), "w", encoding="utf-8") as file:
        file.write(spec_text(portable_spec(spec)))
    copy_word_vectors(spec, directory)
    graph = graph_of(directory, portable_spec(spec))
    for label in (graph.label, *graph.more_labels):
        _check_classes(label)
    check_shares(graph.features)
    save_graph(graph, os.path.join(directory, "graph"))
    manifest.features.extend(graph.features)
    manifest.label.CopyFrom(graph.label)
    manifest.more_labels.extend(graph.more_labels)


def _check_classes(label: LabelEntry) -> None:
    """What the kind of the label promises, now that the whole training split was seen."""
    classes = len(label.classes)
    if (label.kind == BINARY and classes != 2) or (label.kind == MULTICLASS and classes < 2):
        shown = ", ".join(f"'{name}'" for name in label.classes[:5]) + (", …" if classes > 5 else "")
        wanted = "exactly 2" if label.kind == BINARY else "at least 2"
        raise SpecError(
            "spec",
            None,
            label_path(label),
            f"'{label.column}' has {classes} classes in the training split ({shown}), {wanted} are needed",
            f"set {label_path(label)}.kind to regression, binary or multiclass, or mend the data",
        )
