from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.score_descriptions import score_descriptions

    score_descriptions(**arguments)
