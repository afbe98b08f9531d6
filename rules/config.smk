# Reads the config, and checks before what would end in a traceback of Snakemake or never.
import logging
import sys
import time

import lib.config.paths as paths
import lib.config.planning as planning
import lib.config.requested as requested
import lib.config.schema as schema

from snakemake.cli import get_argument_parser
from snakemake.exceptions import WorkflowError

RECORDS = ".snakemake"
STARTED = time.time()
# on a full disk every line of Snakemake's log would come with a traceback
logging.raiseExceptions = False

# jobs find what the main process has checked
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
    """Return the targets of the command line, which Snakemake tells a workflow only when all rules are read."""
    return get_argument_parser().parse_known_args(sys.argv[1:])[0].targets


def check_own_layers():
    """Refuse names of layers that the user's own files do not have, before the first job."""
    asked, _, _ = paths.asked_entries(config, requested=requested_targets())
    try:
        networks.resolve_layers(config, LAYERS, own={model for model, _ in asked})
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def check_requested():
    """Refuse targets that cannot be made, and a config that names files that are not there.

    Snakemake overlooks such files where outputs exist.
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
        paths.check_paths(config, requested=given, is_made=is_made)
    except ValueError as error:
        raise WorkflowError(str(error)) from None
