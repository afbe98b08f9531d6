from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.exemplars.collect_exemplars import collect_exemplars

    collect_exemplars(**arguments, threads=snakemake.threads)
