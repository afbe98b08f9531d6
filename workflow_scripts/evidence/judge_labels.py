from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.judge_labels import judge_labels

    judge_labels(**arguments)
