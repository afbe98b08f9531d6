from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.list_layers import list_layers

    list_layers(**arguments)
