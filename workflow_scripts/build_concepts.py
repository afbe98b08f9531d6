from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.build_concepts import build_concepts

    build_concepts(**arguments, threads=snakemake.threads)
