from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.concepts.summarize_concepts import summarize_concepts

    summarize_concepts(**arguments)
