from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.activations.list_layers import list_layers

    list_layers(**arguments)
