from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.measure_recovery import measure_recovery

    measure_recovery(**arguments)
