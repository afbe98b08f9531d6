from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.merge_tables import merge_tables

    merge_tables(**arguments)
