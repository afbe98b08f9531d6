from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.calibrate_interventions import calibrate_interventions

    calibrate_interventions(**arguments)
