from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.unpack_images import unpack_images

    unpack_images(**arguments)
