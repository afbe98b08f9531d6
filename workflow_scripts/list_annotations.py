from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.list_annotations import list_annotations

    list_annotations(**arguments)
