from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.compare_optimality import compare_optimality

    compare_optimality(**arguments, threads=snakemake.threads)
