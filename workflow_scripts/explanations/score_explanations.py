from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.explanations.score_explanations import score_explanations

    score_explanations(**arguments, threads=snakemake.threads)
