from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.complete_annotations import complete_annotations

    complete_annotations(**arguments, threads=snakemake.threads)
