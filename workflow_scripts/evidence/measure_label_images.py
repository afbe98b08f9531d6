from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.measure_label_images import measure_label_images

    measure_label_images(**arguments)
