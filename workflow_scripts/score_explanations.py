from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.score_explanations import score_explanations

    score_explanations(**arguments, threads=snakemake.threads)
