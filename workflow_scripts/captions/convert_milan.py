from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.convert_milan import convert_milan

    convert_milan(**arguments)
