from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.measure_thresholds import measure_thresholds

    measure_thresholds(**arguments)
