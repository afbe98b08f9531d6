from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.summarise_simulation import summarise_simulation

    summarise_simulation(**arguments)
