from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.cards import draw_card

    draw_card(**arguments)
