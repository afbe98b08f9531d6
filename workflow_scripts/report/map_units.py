from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.report.map_units import map_units

    map_units(**arguments)
