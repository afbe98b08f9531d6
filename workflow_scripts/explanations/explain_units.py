from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.explanations.explain_units import explain_units

    explain_units(**arguments, threads=snakemake.threads)
