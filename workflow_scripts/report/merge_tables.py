from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.report.merge_tables import merge_tables

    merge_tables(**arguments)
