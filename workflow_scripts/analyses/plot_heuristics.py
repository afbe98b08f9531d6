from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.plots import plot_heuristics

    plot_heuristics(**arguments)
