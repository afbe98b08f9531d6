from snakemake.utils import min_version

from lib.provenance import code_hash

min_version("9.20")


report: "rules/captions/workflow.rst"


include: "rules/config.smk"
include: "rules/common.smk"
include: "rules/milan_common.smk"
include: "rules/downloads.smk"
include: "rules/playground.smk"
include: "rules/concepts.smk"
include: "rules/activations.smk"
include: "rules/explanations.smk"
include: "rules/exemplars.smk"
include: "rules/milannotations.smk"
include: "rules/captioning.smk"
include: "rules/planted.smk"
include: "rules/heuristics.smk"
include: "rules/catalog.smk"
include: "rules/analyses.smk"
include: "rules/comparison.smk"


if workflow.is_main_process:
    check_paths()


localrules:
    all,
    analyses,


rule all:
    default_target: True
    input:
        all_targets(),


rule analyses:
    input:
        analysis_targets(),
