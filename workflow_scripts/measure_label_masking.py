from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.measure_label_masking import measure_label_masking

    measure_label_masking(**arguments, threads=snakemake.threads)
