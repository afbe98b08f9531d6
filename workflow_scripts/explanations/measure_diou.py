from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.explanations.score_explanations import measure_diou

    measure_diou(**arguments, threads=snakemake.threads)
