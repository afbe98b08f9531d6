from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.calibrate_planted import calibrate_planted

    calibrate_planted(**arguments)
