from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.draw_playground import draw_playground

    draw_playground(**arguments, threads=snakemake.threads)
