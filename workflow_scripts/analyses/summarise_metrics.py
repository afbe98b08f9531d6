from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.summarise_metrics import summarise_metrics

    summarise_metrics(**arguments)
