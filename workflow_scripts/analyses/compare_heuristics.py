from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.compare_heuristics import compare_heuristics

    compare_heuristics(**arguments)
