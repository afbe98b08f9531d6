from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.exemplars.list_images import list_images

    list_images(**arguments, threads=snakemake.threads)
