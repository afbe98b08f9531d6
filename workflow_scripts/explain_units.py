from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.explain_units import explain_units

    explain_units(**arguments, threads=snakemake.threads)
