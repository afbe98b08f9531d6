from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.playground.plant_units import plant_units

    plant_units(**arguments)
