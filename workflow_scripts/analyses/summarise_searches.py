from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.summarise_searches import summarise_searches

    summarise_searches(**arguments)
