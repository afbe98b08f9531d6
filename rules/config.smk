# Reads the config, and checks before what would end in a traceback of Snakemake or never.
import logging
import time

import lib.config.planning as planning
import lib.config.schema as schema

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
