from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.complete_annotations import complete_annotations

    complete_annotations(**arguments, threads=snakemake.threads)
