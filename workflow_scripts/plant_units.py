from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.plant_units import plant_units

    plant_units(**arguments)
