from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.draw_playground import draw_playground

    draw_playground(**arguments, threads=snakemake.threads)
