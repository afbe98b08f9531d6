from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.crowd.summarise_ratings import summarise_ratings

    summarise_ratings(**arguments)
