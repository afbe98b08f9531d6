from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.compare_targets import compare_targets

    compare_targets(**arguments)
