from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.collect_exemplars import collect_exemplars

    collect_exemplars(**arguments, threads=snakemake.threads)
