from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.list_annotations import list_annotations

    list_annotations(**arguments)
