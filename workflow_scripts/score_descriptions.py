from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.score_descriptions import score_descriptions

    score_descriptions(**arguments)
