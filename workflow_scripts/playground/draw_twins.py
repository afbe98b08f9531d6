from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.draw_twins import draw_twins

    draw_twins(**arguments, threads=snakemake.threads)
