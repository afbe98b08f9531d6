# Read the config, after checks of what would make Snakemake fail with a traceback or not terminate.
import logging
import sys
import time

import lib.config.checks as checks
import lib.config.paths as paths
import lib.config.planning as planning
import lib.config.requested as requested
import lib.config.schema as schema

from snakemake.cli import get_argument_parser
from snakemake.exceptions import WorkflowError

RECORDS = ".snakemake"
STARTED = time.time()
# on a full disk every line of Snakemake's log would cause a traceback
logging.raiseExceptions = False

# jobs use the results of the checks in the main process
if workflow.is_main_process:
    try:
        planning.check_folders(code=workflow.basedir, records=RECORDS)
        planning.check_text(workflow.source_path("../config.yaml"), name="config.yaml")
    except ValueError as error:
        raise WorkflowError(str(error)) from None


configfile: workflow.source_path("../config.yaml")


try:
    planning.check_values(config)
    schema.complete(
        config,
        schema.read_schema(workflow.source_path("schemas/config.schema.yaml")),
    )
except ValueError as error:
    raise WorkflowError(str(error)) from None


def requested_targets():
    """Return the targets of the command line, which are only known when all rules are parsed."""
    return get_argument_parser().parse_known_args(sys.argv[1:])[0].targets


def check_own_layers():
    """Check the layer names of the user's networks before the first job."""
    asked, _, _ = requested.asked_entries(config, requested=requested_targets())
    try:
        networks.resolve_layers(config, LAYERS, own={model for model, _ in asked})
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def check_requested():
    """Check that all targets can be made and that the files in the config exist.

    Snakemake ignores missing inputs of existing outputs.
    """
    given = requested_targets()
    try:
        requested.check_targets(
            given,
            config=config,
            rules=[rule.name for rule in workflow.rules],
            outputs=[str(path) for rule in workflow.rules for path in rule.output],
            is_made=is_made,
        )
        checks.check_own_annotations(config)
        paths.check_paths(config, requested=given, is_made=is_made)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def write_benchmarks():
    from lib.reporting.benchmarks import collect_benchmarks

    collect_benchmarks("benchmarks", "results/benchmarks.csv")
