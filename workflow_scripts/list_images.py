from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.list_images import list_images

    list_images(**arguments, threads=snakemake.threads)
