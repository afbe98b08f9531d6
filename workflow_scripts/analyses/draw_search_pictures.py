from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.search_pictures import draw_search_pictures

    draw_search_pictures(**arguments, threads=snakemake.threads)
