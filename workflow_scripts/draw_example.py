from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.draw_example import draw_example

    draw_example(**arguments)
