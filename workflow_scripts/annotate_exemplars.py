from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.annotate_exemplars import annotate_exemplars

    annotate_exemplars(**arguments)
