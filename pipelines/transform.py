"""In: all rows and the transform graph. Out: `examples/`, i.e. shuffled TFRecord shards of each split, and `rejected/`."""

from __future__ import annotations

import csv
import glob
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from ..schemas.commit import (
    TEMPORARY_PREFIX,
    Stamp,
    differences,
    is_current,
    publication,
    publish,
    temporary_directory,
)
from ..schemas.csv_file import SPLITS
from ..schemas.errors import ArtifactError
from ..schemas.examples_plan import (
    STEP,
    example_features,
    examples_manifest,
    sample_bounds,
    shard_counts,
    shard_path,
    split_rows,
)
from ..schemas.feature_spec import write_feature_spec
from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import Manifest
from ..schemas.spec_pb2 import Spec
from .analyze import transform_manifest
from .collect import WriteJson, read_json
from .counts import InputCounts, check_counts
from .extend import note_kept_ids
from .index import IndexedFile
from .local_workers import worker_processes
from .progress import progress_bar
from .read import BAD_ROWS, COUNTS, ReadCsv
from .runner import is_local, make_pipeline, run
from .shuffle import Part
from .transform_rows import SAMPLE, SPLIT_ROWS, TransformRows
from .write_shards import WriteShard

REJECTED = "rejected"


def transform(
    spec: Spec,
    indexed: Sequence[IndexedFile],
    run_dir: str,
    *,
    beam_args: Sequence[str] = (),
    replace: bool = False,
) -> bool:
    """Applies the graph of `transform/` to every row and publishes `examples/` and `rejected/`.

    Args:
      spec: resolved.
      indexed: its files, the same that were analysed.
      run_dir: of the run.
      beam_args: Beam's own options.
      replace: an `examples/` made from something else is replaced.

    Returns:
      False if `examples/` was there already, made from the same.

    Raises:
      ArtifactError: there is no `transform/`, or it or `examples/` was made from something else.
      DataError: more bad rows than the spec allows, or a file changed while it was read.
    """
    source = os.path.join(run_dir, "transform")
    made_from = {source: publication(source)}
    analyzed = read_manifest(source, "transform")
    wanted = transform_manifest(spec, indexed)
    note_kept_ids(wanted, source, {})
    if analyzed.fingerprint != wanted.fingerprint:
        raise ArtifactError(
            source,
            f"was made from other {differences(analyzed, wanted)}: run analyze with --replace first",
        )
    directory = os.path.join(run_dir, STEP)
    manifest = examples_manifest(spec, analyzed)
    if is_current(directory, manifest, replace=replace):
        return False
    with (
        publish(directory, manifest, replace=replace, made_from=made_from) as temporary,
        temporary_directory(run_dir, "transform-scratch") as scratch,
    ):
        job = _Job(spec, indexed, analyzed, run_dir, temporary, scratch)
        job.run(beam_args)
        counts = job.counts()
        check_counts(counts, indexed, spec)
        counts.write(manifest)
        job.write_splits(manifest)
        write_feature_spec(temporary, manifest)
        _write_rejected(run_dir, manifest, job.bad, made_from)
    return True


class _Job:
    """One run of the transform pipeline: what it reads, and the files that it leaves for the driver."""

    def __init__(
        self,
        spec: Spec,
        indexed: Sequence[IndexedFile],
        analyzed: Manifest,
        run_dir: str,
        output: str,
        scratch: str,
    ):
        self._spec, self._indexed, self._output, self._scratch = spec, indexed, output, scratch
        self._features = example_features(analyzed, spec)
        self._shards = shard_counts(spec, analyzed)
        self._files = [entry.path for entry in analyzed.inputs]
        self._rows = split_rows(analyzed)
        self._graph_dir = os.path.join(run_dir, "transform", "graph")
        self._compression = spec.examples.compression

    def run(self, beam_args: Sequence[str]) -> None:
        for number, name in enumerate(SPLITS):
            if self._shards[number]:
                os.mkdir(os.path.join(self._output, name))
        ranges = [one for entry in self._indexed for one in entry.ranges]
        shard_files = {
            shard: os.path.join(
                self._output, SPLITS[split], shard_path(place, self._shards[split], self._compression)
            )
            for shard, split, place in self._numbered()
        }
        processes = worker_processes(sum(one.stop - one.start for one in ranges), len(ranges))
        pipeline = make_pipeline(beam_args, processes)
        # A cluster has a shuffle of its own, which is faster than small files on a disk that its machines share.
        spill_folder = os.path.join(self._scratch, "parts") if is_local(pipeline) else None
        if spill_folder:
            os.mkdir(spill_folder)
        rows = TransformRows(
            self._spec,
            self._graph_dir,
            self._features,
            self._files,
            self._shards,
            sample_bounds(self._spec, self._rows, self._shards),
            spill_folder,
        )
        read = pipeline | "ReadCsv" >> ReadCsv(ranges, self._spec.data)
        done = read.blocks | "Transform" >> beam.ParDo(rows).with_outputs(
            SAMPLE, BAD_ROWS, SPLIT_ROWS, main="parts"
        )
        # (shard, Part)
        empty = pipeline | "EveryShard" >> beam.Create([(shard, Part(0, 0, 0, b"")) for shard in shard_files])
        written = (
            (done.parts, empty)
            | "Parts" >> beam.Flatten()
            | "Shuffle" >> beam.GroupByKey()
            # (shard, [Part])
            | "Write" >> beam.ParDo(WriteShard(shard_files, self._features, self._compression))
            # dict
        )
        bad = (read[BAD_ROWS], done[BAD_ROWS]) | "BadRows" >> beam.Flatten()
        told = {"shards": written, "counts": read[COUNTS], "splits": done[SPLIT_ROWS]}
        told |= {"sample": done[SAMPLE], "bad": bad}
        told | "WriteTold" >> WriteJson(os.path.join(self._scratch, "told.json"))
        with progress_bar("transform", sum(entry.records for entry in self._indexed)):
            run(pipeline)
        # A shard that was begun twice leaves the try that did not end.
        for path in glob.glob(os.path.join(glob.escape(self._output), "*", f"{TEMPORARY_PREFIX}*")):
            os.remove(path)
        self._told = read_json(os.path.join(self._scratch, "told.json"))

    @property
    def bad(self) -> list[dict[str, Any]]:
        return self._told["bad"]

    def counts(self) -> InputCounts:
        counts = InputCounts.from_json(self._told["counts"], self._told["splits"], self.bad)
        for entry in self.bad:  # these were good rows when they were read
            counts.files[entry["file"]].rejected += bool(entry.get("found_late"))
        return counts

    def write_splits(self, manifest: Manifest) -> None:
        """Checks that every row arrived, writes samples, and fills the manifest's splits."""
        written = {entry["shard"]: entry for entry in self._told["shards"]}
        arrived = dict.fromkeys(self._files, 0)
        for entry in written.values():
            for number, rows in entry["files"].items():
                arrived[self._files[int(number)]] += rows
        for entry in manifest.inputs:
            if entry.rows != arrived[entry.path] + entry.rejected:
                raise ArtifactError(
                    entry.path,
                    f"{entry.rows} rows went in, {arrived[entry.path]} came out: nothing is published",
                )
        samples: list[list[dict[str, Any]]] = [[] for _ in SPLITS]
        for sample in self._told["sample"]:
            samples[sample.pop("split")].append(sample)
        for number, name in enumerate(SPLITS):
            split = manifest.splits.add(name=name, compression=self._compression)
            if self._shards[number]:
                split.sample = f"{name}/sample.jsonl"
                self._write_sample(split.sample, samples[number])
        for shard, number, place in self._numbered():
            path = f"{SPLITS[number]}/{shard_path(place, self._shards[number], self._compression)}"
            manifest.splits[number].shards.add(path=path, rows=written[shard]["rows"])
            manifest.splits[number].rows += written[shard]["rows"]

    def _write_sample(self, path: str, sample: list[dict[str, Any]]) -> None:
        sample.sort(key=lambda entry: (entry.pop("order"), entry["file"], entry["row"]))
        with open(os.path.join(self._output, path), "w", encoding="utf-8") as file:
            for entry in sample[: self._spec.examples.sample_rows]:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def _numbered(self) -> Iterator[tuple[int, int, int]]:
        """(shard counted through all splits, split, place in the split)."""
        shard = 0
        for split, count in enumerate(self._shards):
            for place in range(count):
                yield shard, split, place
                shard += 1


def _write_rejected(
    run_dir: str, manifest: Manifest, bad: list[dict[str, Any]], made_from: Mapping[str, Stamp]
) -> None:
    rejected = Manifest(step=REJECTED, fingerprint=manifest.fingerprint, parts=manifest.parts)
    fields = ("file", "row", "column", "value", "reason")
    with (
        publish(os.path.join(run_dir, REJECTED), rejected, replace=True, made_from=made_from) as temporary,
        open(os.path.join(temporary, "rows.csv"), "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(fields)
        for entry in sorted(bad, key=lambda entry: (entry["file"], entry["row"])):
            writer.writerow([entry[field] for field in fields])
