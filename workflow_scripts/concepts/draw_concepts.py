from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.plots import draw_concepts

    draw_concepts(**arguments)
