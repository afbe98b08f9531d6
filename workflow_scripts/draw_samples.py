from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.draw_samples import draw_samples

    draw_samples(**arguments)
