from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.summarise_optimality import summarise_optimality

    summarise_optimality(**arguments)
