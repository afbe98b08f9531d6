from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.compare_targets import compare_targets

    compare_targets(**arguments)
