from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.measure_interventions import measure_interventions

    measure_interventions(**arguments)
