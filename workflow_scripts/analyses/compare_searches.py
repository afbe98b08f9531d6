from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.compare_searches import compare_searches

    compare_searches(**arguments)
