from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.unit_pictures import draw_unit_pictures

    draw_unit_pictures(**arguments, threads=snakemake.threads)
