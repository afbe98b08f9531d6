from snakemake.utils import min_version

from lib.runtime.fingerprints import code_hash

min_version("9.20")


report: "rules/captions/workflow.rst"


include: "rules/config.smk"
include: "rules/common.smk"
include: "rules/downloads.smk"
include: "rules/playground.smk"
include: "rules/concepts.smk"
include: "rules/activations.smk"
include: "rules/exemplars.smk"
include: "rules/report.smk"
include: "rules/explanations.smk"
include: "rules/captions.smk"
include: "rules/analyses.smk"


localrules:
    all,
    analyses,


rule all:
    default_target: True
    input:
        targets.all_targets(config),


rule analyses:
    input:
        targets.analysis_targets(config),


if workflow.is_main_process:
    check_requested()


def write_benchmarks():
    from lib.reporting.benchmarks import collect_benchmarks

    collect_benchmarks("benchmarks", "results/benchmarks.csv")


onstart:
    check_own_layers()


onerror:
    write_benchmarks()


onsuccess:
    write_benchmarks()
    for page in targets.new_catalogs(config, since=STARTED):
        logger.info(f"Open {page} in a browser.")
