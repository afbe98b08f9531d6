from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.score_labels import score_labels

    score_labels(**arguments, threads=snakemake.threads)
