from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.convert_milan import convert_milan

    convert_milan(**arguments)
