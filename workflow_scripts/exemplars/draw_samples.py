from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.exemplars.draw_samples import draw_samples

    draw_samples(**arguments)
