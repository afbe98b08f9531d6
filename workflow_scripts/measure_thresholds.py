from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.measure_thresholds import measure_thresholds

    measure_thresholds(**arguments)
