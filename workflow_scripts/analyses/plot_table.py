from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.plots import plot_table

    plot_table(**arguments)
