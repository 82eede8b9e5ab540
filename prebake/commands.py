"""In: a command's parsed arguments. Out: its work and a short summary. Libraries are imported where they are used."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from .schemas.run_dir import check_run_dir, read_spec, write_spec
from .schemas.self_normalization import self_normalization_notes
from .schemas.source_check import is_tfds
from .schemas.spec import expand, load_spec
from .schemas.spec_pb2 import Spec

if TYPE_CHECKING:
    from .training.predict import Predicted


def init(args: argparse.Namespace, _: Sequence[str]) -> None:
    from .schemas.commit import new_file
    from .schemas.errors import ArtifactError
    from .schemas.init import commented_yaml

    if args.output != "-" and os.path.exists(args.output) and not args.replace:
        raise ArtifactError(args.output, "is there already: add --replace, or name another file with -o")
    folder = os.path.dirname(os.path.abspath(args.output))
    # A spec's paths are relative to its folder; one that is written elsewhere gets absolute ones.
    here = args.output == "-" or folder == os.getcwd()
    text = commented_yaml(args.files if here else [os.path.abspath(path) for path in args.files], args.label)
    if args.output == "-":
        print(text, end="")
        return
    with new_file(args.output) as draft, open(draft, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {args.output}; next: look at it, then: prebake run {args.output}")


def analyze(args: argparse.Namespace, beam_args: Sequence[str]) -> None:
    if args.extend or args.keep_ids:
        _extend(args, beam_args)
    else:
        _preprocess(args, beam_args, ["analyze"])


def _extend(args: argparse.Namespace, beam_args: Sequence[str]) -> None:
    from .schemas.errors import PrebakeError

    if not args.extend:
        raise PrebakeError("--keep-ids goes with --extend")
    spec, run_dir = _open(args, beam_args)
    _refuse_tfds(spec, "analyze")
    from .pipelines.preprocess import extend

    started = time.monotonic()
    lines = extend(spec, run_dir, keep_ids=args.keep_ids, beam_args=beam_args, code=args.code)
    write_spec(run_dir, spec)
    if lines:
        _say("analyze", True, started)
        _indent("\n".join(lines))
    else:
        print("analyze: no new file: nothing to do", flush=True)


def transform(args: argparse.Namespace, beam_args: Sequence[str]) -> None:
    _preprocess(args, beam_args, ["transform"])


def preprocess(args: argparse.Namespace, beam_args: Sequence[str]) -> None:
    _preprocess(args, beam_args, ["analyze", "transform"])


def _preprocess(args: argparse.Namespace, beam_args: Sequence[str], steps: Sequence[str]) -> None:
    spec, run_dir = _open(args, beam_args)
    _refuse_tfds(spec, "analyze or transform")
    from .pipelines.preprocess import preprocess, summary
    from .transforms.summary import statistics_summary

    started = time.monotonic()
    code = getattr(args, "code", ())
    ran = preprocess(spec, run_dir, steps=steps, beam_args=beam_args, replace=args.replace, code=code)
    write_spec(run_dir, spec)
    _say(" and ".join(steps), any(ran.values()), started)
    if "analyze" in steps:
        _indent(statistics_summary(os.path.join(run_dir, "transform")))
    if "transform" in steps:
        _indent(summary(run_dir))


def train(args: argparse.Namespace, _: Sequence[str]) -> None:
    spec, run_dir = _open(args)
    from .training.train import train

    started = time.monotonic()
    for note in self_normalization_notes(spec):
        _notice(note)
    trained = train(run_dir, spec, replace=args.replace, restart=args.restart, code=args.code)
    write_spec(run_dir, spec)
    _say("train", not trained.up_to_date, started)
    if trained.cross_validation:
        from .training.folds import describe

        _indent(describe(trained.cross_validation))
    _indent(f"{trained.epochs} epochs, best {trained.best_epoch}; in {trained.directory}")
    size = trained.size
    zeros = f", {size['zeros']:.0%} of them 0" if size["zeros"] else ""
    kilobytes, compressed = size["bytes"] / 1000, size["compressed_bytes"] / 1000
    _indent(f"{size['weights']:,} weights{zeros}; {kilobytes:,.1f} kB, compressed {compressed:,.1f}")
    _indent(textwrap.fill(trained.advice, 110))


def evaluate(args: argparse.Namespace, _: Sequence[str]) -> None:
    spec, run_dir = _open(args)
    from .training.evaluate import evaluate_slices
    from .training.slices import slice_tables

    started = time.monotonic()
    split = getattr(args, "split", "test")
    metrics, slices = evaluate_slices(run_dir, spec.training.name, split, spec, code=args.code)
    _say("evaluate", True, started)
    _indent(f"{split}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
    _indent(slice_tables(slices))


def export(args: argparse.Namespace, _: Sequence[str]) -> None:
    spec, run_dir = _open(args)
    from .training.export import export

    started = time.monotonic()
    exported = export(run_dir, spec.training.name, spec, code=args.code)
    write_spec(run_dir, spec)
    _say("export", not exported.up_to_date, started)
    _indent(_parity_line(exported.parity))
    _indent(f"SavedModel in {exported.directory}")


def run(args: argparse.Namespace, beam_args: Sequence[str]) -> None:
    spec, _ = _open(args, beam_args)
    if not is_tfds(spec):
        # Rows of CSV files are transformed as they are read.
        steps = ["analyze"] if spec.training.source == "csv" else ["analyze", "transform"]
        _preprocess(args, beam_args, steps)
    for step in (train, evaluate, export):
        step(args, beam_args)
    predict = "" if is_tfds(spec) else f"; next: prebake predict {_run_dir(args)} ROWS.csv"
    print(f"everything lies in {_run_dir(args)}{predict}")


def lr(args: argparse.Namespace, _: Sequence[str]) -> None:
    from .schemas.errors import PrebakeError

    if args.rows is not None and args.rows < 1:
        raise PrebakeError(f"--rows {args.rows}: must be at least 1")
    spec, run_dir = _open(args)
    from .lr import plot, rates_of, rows_to_train, table

    rates = rates_of(spec, args.rows or rows_to_train(run_dir), run_dir)
    shown = table(rates, args.steps)
    if args.plot:
        plot(rates, args.plot)
        shown += f"\ndrawn into {args.plot}"
    print(shown)


def explain(args: argparse.Namespace, _: Sequence[str]) -> None:
    spec, run_dir = _open(args)
    _refuse_tfds(spec, "explain")
    from .explain import explain

    print(explain(run_dir, spec, csv=args.csv, row=args.row))


def rejected(args: argparse.Namespace, _: Sequence[str]) -> None:
    from .rejected import rejected_rows

    print(rejected_rows(args.run))


def predict(args: argparse.Namespace, _: Sequence[str]) -> int:
    """The exit code: 3 if rows are marked as bad."""
    from .training.predict import predict_csv

    if args.output != "-":
        done = predict_csv(args.model, args.rows, args.output, samples=args.samples)
        print(f"{done.rows - done.bad:,} predictions in {args.output}")
        return _notes(done, args)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "predictions.csv")
        done = predict_csv(args.model, args.rows, path, samples=args.samples)
        with open(path, encoding="utf-8") as file:
            sys.stdout.writelines(itertools.islice(file, None if args.head is None else args.head + 1))
    if args.head is not None and args.head < done.rows:
        print(f"... and {done.rows - args.head:,} more: -o FILE keeps them all")
    return _notes(done, args)


def _notes(done: Predicted, args: argparse.Namespace) -> int:
    """On stderr, which rows are no predictions and which columns were not there."""
    if done.absent:
        columns = ", ".join(f"'{name}'" for name in done.absent)
        note = f"{args.rows} lacks the optional columns {columns}: missing in every row"
        print(f"note: {note}", file=sys.stderr)
    if done.bad:
        print(f"note: {done.bad:,} of {done.rows:,} rows are bad: their `error` says why", file=sys.stderr)
    return 3 if done.bad else 0


def _open(args: argparse.Namespace, beam_args: Sequence[str] = ()) -> tuple[Spec, str]:
    """The spec and the run directory. Before anything slow: a mistake in the spec shows at once."""
    run_dir = _run_dir(args)
    check_run_dir(run_dir)
    if beam_args:
        from .pipelines.runner import use_options

        use_options(beam_args)
    if os.path.isdir(args.spec):
        return read_spec(args.spec), run_dir
    return load_spec(args.spec, expand_files=_expand, open_file=_open_file, notice=_notice), run_dir


def _refuse_tfds(spec: Spec, what: str) -> None:
    from .schemas.errors import PrebakeError

    if is_tfds(spec):
        source = spec.training.source
        raise PrebakeError(
            f"training.source is {source}, read as it is: there is nothing to {what}; next: prebake train"
        )


def _expand(patterns: Sequence[str]) -> list[str]:
    if not any("://" in pattern for pattern in patterns):
        return expand(patterns)
    from .pipelines.find_files import expand_patterns

    return expand_patterns(patterns)


def _open_file(path: str, mode: str) -> BinaryIO:
    if "://" not in path:
        return open(path, "rb")
    from .pipelines.find_files import open_data_file

    return open_data_file(path, mode)


def _notice(text: str) -> None:
    print(f"note: {text}", flush=True)


def _run_dir(args: argparse.Namespace) -> str:
    if args.run:
        return args.run
    if os.path.isdir(args.spec):
        return os.path.normpath(args.spec)
    return os.path.join("runs", os.path.splitext(os.path.basename(args.spec))[0])


def _parity_line(path: str) -> str:
    """What the gate has shown."""
    with open(path, encoding="utf-8") as file:
        parity = json.load(file)
    rows = sum(parity["rows"].values())
    largest = max(
        value for sizes in parity["largest_prediction_difference"].values() for value in sizes.values()
    )
    *sizes, last = parity["batch_sizes"]
    return (
        f"parity: {rows:,} raw rows through every signature in batches of {', '.join(map(str, sizes))} and {last}: "
        f"features bit-equal, predictions within {largest:.1e}"
    )


def _say(what: str, ran: bool, started: float) -> None:
    done = (
        f"{time.monotonic() - started:.1f} s" if ran else "there already, made from the same: nothing to do"
    )
    print(f"{what}: {done}", flush=True)


def _indent(text: str) -> None:
    for line in text.splitlines():
        print(f"  {line}", flush=True)
