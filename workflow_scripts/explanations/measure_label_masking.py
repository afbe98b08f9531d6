from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.explanations.measure_label_masking import measure_label_masking

    measure_label_masking(**arguments, threads=snakemake.threads)
