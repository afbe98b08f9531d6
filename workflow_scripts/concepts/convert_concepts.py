from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.concepts.convert_concepts import convert_concepts

    convert_concepts(**arguments, threads=snakemake.threads)
