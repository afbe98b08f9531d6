from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.export_milan import export_milan

    export_milan(**arguments)
