from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.export_milan import export_milan

    export_milan(**arguments)
