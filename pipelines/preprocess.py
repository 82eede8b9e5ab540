"""In: a spec. Out: a run directory with `transform/`, `examples/` and `rejected/`.

As a batch job: python -m prebake.pipelines.preprocess SPEC --run DIR [--replace] [-- BEAM OPTIONS]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ..schemas.code_check import named_file
from ..schemas.commit import temporary_directory
from ..schemas.disk import disk_faults
from ..schemas.errors import PrebakeError
from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import Manifest
from ..schemas.run_dir import check_run_dir, read_spec, write_spec
from ..schemas.spec import load_spec
from ..schemas.spec_pb2 import Spec
from ..transforms.graph import load_graph
from ..transforms.moved import moved
from .analyze import analyze, transform_manifest
from .extend import Earlier
from .find_files import expand_patterns, find_files, open_data_file
from .index import index_files
from .runner import use_options
from .transform import transform


def load(path: str, beam_args: Sequence[str] = ()) -> Spec:
    """Loads a spec whose data may lie on any of Beam's filesystems, which Beam's own options may be about."""
    use_options(beam_args)
    return load_spec(path, expand_files=expand_patterns, open_file=open_data_file)


def preprocess(
    spec: Spec,
    run_dir: str,
    *,
    steps: Sequence[str] = ("analyze", "transform"),
    beam_args: Sequence[str] = (),
    replace: bool = False,
    code: str | Sequence[str] = (),
) -> dict[str, bool]:
    """Runs the steps; the files are found and indexed once for all of them.

    Args:
      spec: resolved.
      run_dir: is made if it is not there.
      steps: "analyze", "transform" or both.
      beam_args: Beam's own options.
      replace: results that were made from something else are replaced.
      code: Python files that may run; the one of `preprocessing_fn` must be among them.

    Returns:
      By step: False if its result was there already.

    Raises:
      PrebakeError: as `index_files`, `analyze` and `transform` say.
    """
    if "analyze" in steps:
        named_file(spec, "preprocessing_fn", code)
    check_run_dir(run_dir)
    use_options(beam_args)
    files = find_files(spec)
    with temporary_directory(run_dir, "index-scratch") as scratch, disk_faults(run_dir, scratch):
        indexed = index_files(spec, files, scratch, beam_args)
    run = {"analyze": analyze, "transform": transform}
    return {step: run[step](spec, indexed, run_dir, beam_args=beam_args, replace=replace) for step in steps}


def extend(
    spec: Spec,
    run_dir: str,
    *,
    keep_ids: bool = False,
    beam_args: Sequence[str] = (),
    code: str | Sequence[str] = (),
) -> list[str]:
    """Adds the files that came since to the analysis of a run; reads only those, if one pass is enough.

    Args:
      spec: resolved; equal to that of the run but for its files.
      run_dir: has `transform/`.
      keep_ids: tokens keep their ids, and new ones come behind them; else the result is that of a full analysis.
      beam_args: Beam's own options.
      code: Python files that may run; the one of `preprocessing_fn` must be among them.

    Returns:
      What moved, one line each; empty if there is no new file.

    Raises:
      PrebakeError: as `index_files` and `analyze` say; files that were analysed are gone or changed, or the spec is another.
    """
    named_file(spec, "preprocessing_fn", code)
    check_run_dir(run_dir)
    use_options(beam_args)
    directory = os.path.join(run_dir, "transform")
    earlier = Earlier(directory, spec, keep_ids=keep_ids)
    files = find_files(spec)
    if not earlier.new_files(files):
        return []
    with temporary_directory(run_dir, "index-scratch") as scratch, disk_faults(run_dir, scratch):
        indexed = index_files(spec, earlier.to_index(files), scratch, beam_args)
    sizes = load_graph(directory).sizes if keep_ids else {}
    every = earlier.with_known(files, indexed)
    earlier.check_spec(transform_manifest(spec, every))
    analyze(spec, every, run_dir, beam_args=beam_args, earlier=earlier)
    graph = load_graph(directory)
    lines = moved(earlier.statistics, graph.learnt.statistics, earlier.tokens, graph.learnt.vocabularies)
    others = [
        feature.name
        for feature in spec.features
        if keep_ids and any(sizes[name] != graph.sizes[name] for name in feature.cross.of)
    ]
    if others:
        lines.append(f"other ids, since what they cross has more of them: {', '.join(others)}")
    if not earlier.is_enough:
        lines.append("all files were read again: preprocessing_fn has analyzers that TFT cannot extend")
    return lines


def summary(run_dir: str) -> str:
    """What `examples/` holds, in two lines."""
    manifest = read_manifest(os.path.join(run_dir, "examples"), "examples", verify=False)
    return f"{_input_line(manifest)}\n{_output_line(manifest, run_dir)}"


def _input_line(manifest: Manifest) -> str:
    rows = sum(entry.rows for entry in manifest.inputs)
    rejected = sum(entry.rejected for entry in manifest.inputs)
    files = len(manifest.inputs)
    empty = sum(entry.empty for entry in manifest.inputs)
    without = f" ({empty:,} without content)" if empty else ""
    return f"{rows:,} rows read from {files:,} file{'s' * (files != 1)}{without}, {rejected:,} rejected"


def _output_line(manifest: Manifest, run_dir: str) -> str:
    parts = [f"{split.name} {split.rows:,}" for split in manifest.splits if split.rows]
    shards = sum(len(split.shards) for split in manifest.splits)
    size = sum(entry.size for entry in manifest.files if ".tfrecord" in entry.path)
    return (
        f"{', '.join(parts)} in {shards} shards, {size / 1e6:,.1f} MB, in {os.path.join(run_dir, 'examples')}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The batch job; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m prebake.pipelines.preprocess",
        description="Analyze and transform CSV files: run/transform and run/examples.",
        epilog="Beam's own options follow after --, e.g. -- --runner=FlinkRunner --flink_master=localhost:8081",
    )
    parser.add_argument("spec", help="spec file (YAML or text proto), or a run directory")
    parser.add_argument("--run", required=True, help="run directory to write")
    parser.add_argument("--replace", action="store_true", help="replace results made from something else")
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="FILE",
        help="the Python file that the spec's preprocessing_fn names: lets it run",
    )
    ours, beam_args = split_beam_args(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(ours)
    try:
        spec = read_spec(args.spec) if os.path.isdir(args.spec) else load(args.spec, beam_args)
        preprocess(spec, args.run, beam_args=beam_args, replace=args.replace, code=args.code)
        write_spec(args.run, spec)
        print(summary(args.run))
    except PrebakeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def split_beam_args(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our arguments and those after `--`, which are Beam's."""
    argv = list(argv)
    place = argv.index("--") if "--" in argv else len(argv)
    return argv[:place], argv[place + 1 :]


if __name__ == "__main__":
    sys.exit(main())
