from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.measure_planted import measure_planted

    measure_planted(**arguments)
