"""In: Beam options as they stand in a file of deploy/. Out: Beam's own view of them, each known and valid."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import create_runner


def check_options(beam_args: Sequence[str]) -> PipelineOptions:
    """Raises where Beam knows no such option or runner, or its validator refuses them for that runner."""
    options = PipelineOptions(list(beam_args))
    runner = create_runner(options.view_as(StandardOptions).runner)
    # Beam itself leaves out what it does not know. Classes of options that a runner brings are loaded with it.
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for kind in _below(PipelineOptions):
        if "_add_argparse_args" in vars(kind):
            kind._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(beam_args))
    assert unknown == []
    assert PipelineOptionsValidator(options, runner).validate() == []
    return options


def _below(kind: type) -> list[type]:
    return [one for each in kind.__subclasses__() for one in (each, *_below(each))]
