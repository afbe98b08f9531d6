from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.convert_concepts import convert_concepts

    convert_concepts(**arguments, threads=snakemake.threads)
