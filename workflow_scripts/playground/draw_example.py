from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.draw_example import draw_example

    draw_example(**arguments)
