from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.exemplars.unpack_images import unpack_images

    unpack_images(**arguments)
