from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.compare_heuristics import compare_heuristics

    compare_heuristics(**arguments)
