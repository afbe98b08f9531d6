from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.measure_range_importance import measure_range_importance

    measure_range_importance(**arguments, threads=snakemake.threads)
