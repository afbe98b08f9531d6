from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.exemplars.annotate_exemplars import annotate_exemplars

    annotate_exemplars(**arguments)
