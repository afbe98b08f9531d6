from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.concepts.build_concepts import build_concepts

    build_concepts(**arguments, threads=snakemake.threads)
