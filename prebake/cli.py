"""In: a command line. Out: the command's work, a short summary on stdout, or one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

_SPEC = "spec file (.yaml or .pbtxt), or the directory of a run that was started before"
_BEAM = "Beam's own options follow after --, e.g.: prebake preprocess SPEC -- --direct_num_workers=2"
# What brings a library that a command may find missing.
_EXTRAS = {
    "apache_beam": "pipelines",
    "tensorflow_transform": "pipelines",
    "tfx_bsl": "pipelines",
    "tensorflow": "training",
    "keras": "training",
    "matplotlib": "plots",
}
_ALWAYS = ("google_crc32c", "numpy", "pyarrow", "yaml", "tqdm")
_EXAMPLES = """\
a first run:
  prebake init data/*.csv --label price -o price.yaml    look at the files, propose features
  prebake run price.yaml                                 everything: preprocess, train, evaluate, export
  prebake predict runs/price new.csv -o predictions.csv

step by step (each one may run alone, and does nothing if its result is there already):
  prebake analyze price.yaml      statistics and vocabularies of the training split → runs/price/transform
  prebake transform price.yaml    shuffled TFRecord shards of every split           → runs/price/examples
  prebake train price.yaml        a Keras model                                     → runs/price/training
  prebake evaluate price.yaml     its metrics on the test split
  prebake export price.yaml       SavedModel that takes raw rows, parity checked    → runs/price/export
"""


def command() -> NoReturn:
    """A process of its own for one command."""
    from .transforms.quiet import collect_seldom

    collect_seldom()
    code = main()
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    if code and any(not one.daemon for one in threading.enumerate()[1:]):
        # Threads of Beam that wait for a worker that is gone: they would hold the process for ever.
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit code: 0; 1 if interrupted; 2 for a mistake to be mended; 3 if rows are marked as
    bad; 75 to be tried again."""
    ours, beam_args = _split(list(sys.argv[1:] if argv is None else argv))
    parser = make_parser()
    args = parser.parse_args(ours)
    if beam_args and not getattr(args, "takes_beam_args", False):
        parser.error(f"{args.command} takes no options after --")
    from .schemas.errors import PrebakeError

    try:
        from . import commands

        return getattr(commands, args.command)(args, beam_args) or 0
    except PrebakeError as error:
        print(f"prebake {args.command}: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra is None and error.name not in _ALWAYS:
            raise
        wanted = f"'prebake[{extra}]'" if extra else "prebake"
        print(f"prebake {args.command}: {error.name} is not installed: pip install {wanted}", file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"prebake {args.command}: {place}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"prebake {args.command}: interrupted; nothing of this step was published", file=sys.stderr)
        return 1


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    place = argv.index("--") if "--" in argv else len(argv)
    return argv[:place], argv[place + 1 :]


def make_parser() -> argparse.ArgumentParser:
    """The parser of `prebake` and its commands."""
    parser = argparse.ArgumentParser(
        prog="prebake",
        description="From CSV shards to a model that takes raw rows: preprocess once, train, export with the "
        "very same preprocessing baked in.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_init(commands)
    _add_restart(_add_step(commands, "run", "everything: preprocess, train, evaluate, export", beam=True))
    _add_step(commands, "preprocess", "analyze, then transform", beam=True)
    _add_analyze(commands)
    _add_step(commands, "transform", "write shuffled TFRecord shards of every split", beam=True)
    _add_restart(
        _add_step(
            commands, "train", "train the model on the shards, or go on where a killed training stopped"
        )
    )
    _add_step(commands, "evaluate", "print the model's metrics on one split").add_argument(
        "--split", default="test", choices=("train", "valid", "test"), help="default: test"
    )
    _add_step(commands, "export", "write a SavedModel that takes raw rows, and prove its parity")
    _add_lr(commands)
    _add_explain(commands)
    _add_rejected(commands)
    _add_predict(commands)
    return parser


def _add_init(commands) -> None:
    init = commands.add_parser(
        "init",
        help="look at CSV files and write a commented spec that runs as it is",
        description="Reads the head of the files, infers the columns, proposes features and writes a commented spec.",
        epilog="example: prebake init data/*.csv --label price -o price.yaml",
    )
    init.add_argument("files", nargs="+", help="CSV files, or patterns in quotes")
    init.add_argument("--label", required=True, help="column to be predicted")
    init.add_argument(
        "-o", "--output", default="prebake.yaml", help="file to write; - for stdout (default: %(default)s)"
    )
    init.add_argument("--replace", action="store_true", help="write over a file that is there")


def _add_step(commands, name: str, text: str, *, beam: bool = False) -> argparse.ArgumentParser:
    step = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_BEAM if beam else None
    )
    step.add_argument("spec", metavar="SPEC", help=_SPEC)
    step.add_argument("--run", metavar="DIR", help="run directory (default: runs/ and the spec's name)")
    step.add_argument(
        "--replace", action="store_true", help="replace results that were made from something else"
    )
    if name != "transform":
        fields = " or ".join(
            field
            for field, steps in (
                ("preprocessing_fn", ("run", "preprocess", "analyze")),
                ("model_fn", ("run", "train", "evaluate", "export")),
            )
            if name in steps
        )
        step.add_argument(
            "--code",
            action="append",
            default=[],
            metavar="FILE",
            help=f"the Python file that the spec's {fields} names: lets it run"
            + ("; may be given twice" if name == "run" else ""),
        )
    step.set_defaults(takes_beam_args=beam)
    return step


def _add_restart(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--restart",
        action="store_true",
        help="drop the checkpoints of an unfinished training of this name, and train from the start",
    )


def _add_analyze(commands) -> None:
    analyze = _add_step(
        commands, "analyze", "learn statistics and vocabularies from the training split", beam=True
    )
    analyze.add_argument(
        "--extend",
        action="store_true",
        help="add the files that came since the last analysis to it, reading only those, and say what moved",
    )
    analyze.add_argument(
        "--keep-ids",
        action="store_true",
        help="with --extend: every token keeps its id, and new tokens come behind",
    )


def _add_lr(commands) -> None:
    lr = commands.add_parser(
        "lr",
        help="show the learning rate at each step",
        description="Prints the learning rate that the spec's schedule gives at some steps, and draws it.",
        epilog="example: prebake lr price.yaml --rows 20000 --plot rate.svg",
    )
    lr.add_argument("spec", metavar="SPEC", help=_SPEC)
    lr.add_argument("--run", metavar="DIR", help="run directory (default: runs/ and the spec's name)")
    lr.add_argument(
        "--rows", type=int, metavar="N", help="rows of the training split (default: those of the run)"
    )
    lr.add_argument("--steps", type=int, nargs="+", default=(), metavar="N", help="print the rate at these")
    lr.add_argument("--plot", metavar="FILE", help="draw it into a file, .svg or .png")


def _add_explain(commands) -> None:
    explain = commands.add_parser(
        "explain",
        help="show what each feature makes of one raw row, step by step",
        description="Follows one raw row from its cells to what the model reads, by the graph of a run that was analyzed.",
        epilog="example: prebake explain price.yaml --csv data/part-003.csv:17   (rows as errors count them)",
    )
    explain.add_argument("spec", metavar="SPEC", help=_SPEC)
    explain.add_argument("--run", metavar="DIR", help="run directory (default: runs/ and the spec's name)")
    which = explain.add_mutually_exclusive_group(required=True)
    which.add_argument("--csv", metavar="FILE:ROW", default="", help="a row of a file; the header is row 1")
    which.add_argument("--row", metavar="RECORD", default="", help="a record, fields as in the spec")


def _add_rejected(commands) -> None:
    rejected = commands.add_parser(
        "rejected",
        help="show the rows that were set aside, by reason",
        description="Groups the rejected rows of a run by column and reason, with examples. data.bad_rows.reject_up_to "
        "says how many there may be.",
    )
    rejected.add_argument("run", metavar="RUN", help="run directory")


def _add_predict(commands) -> None:
    predict = commands.add_parser(
        "predict",
        help="predict raw rows of a CSV file with an exported model",
        description="Reads raw rows by column name (label there or not) and writes one prediction for each, in order. A "
        "bad row is an error, exit code 2; of a model exported with `export: {bad_rows: mark}` it has a text in the column "
        "`error` and no prediction, and the exit code is 3. Optional columns may be left out of the file.",
        epilog="example: prebake predict runs/price new.csv -o predictions.csv",
    )
    predict.add_argument(
        "model", metavar="RUN", help="run directory, or the directory of an exported version"
    )
    predict.add_argument("rows", metavar="CSV", help="file with a header line")
    predict.add_argument("-o", "--output", default="-", help="CSV file to write (default: stdout)")
    predict.add_argument("--head", type=int, metavar="N", help="print only the first N predictions")
    predict.add_argument(
        "--samples",
        type=int,
        default=0,
        metavar="N",
        help="how sure the model is: mean, deviation and quantiles of N networks without other units (MC dropout); as many "
        "as export.samples says",
    )


if __name__ == "__main__":
    command()
