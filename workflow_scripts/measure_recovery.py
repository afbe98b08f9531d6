from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.measure_recovery import measure_recovery

    measure_recovery(**arguments)
