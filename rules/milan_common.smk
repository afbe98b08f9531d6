# What the rules of captioning models share.

DOWNLOADED_MILAN = (
    milan_groups.PUBLISHED if config["milan"]["source"] == "download" else {}
)
TRAINED_MILAN = {"playground", *milan_groups.GROUPS} - set(DOWNLOADED_MILAN)
MILAN_SETTINGS = set(config["milan"]["training"]) - {"networks", "units_per_layer"}


def milan_training(wildcards):
    """Return the settings by which a captioning model is trained."""
    if wildcards.milan == "playground":
        return config["milan"]["training"]
    return config["milan"]["training"] | config["milan"]["milannotations"]


def annotated_networks_of(wildcards):
    """Return the networks on whose annotated units a captioning model is trained, in this order."""
    if wildcards.milan == "playground":
        return config["milan"]["training"]["networks"]
    return milan_groups.GROUPS[wildcards.milan]


def annotated(file):
    """Return an input function: this file of each of the annotated networks."""

    def look_up(wildcards):
        folder = (
            "results/{network}/playground"
            if wildcards.milan == "playground"
            else "resources/milannotations/{network}"
        )
        return expand(
            f"{folder}/{{file}}", network=annotated_networks_of(wildcards), file=file
        )

    return look_up


def milan_encoder_of(wildcards):
    encoder = milan_training(wildcards)["encoder"]
    if wildcards.milan == "playground":
        return f"resources/weights/playground/{encoder}.safetensors"
    return f"resources/weights/imagenet/{encoder}.pth"


def milan_setting(key):
    return lambda wildcards: milan_training(wildcards)[key]


def needs_images(wildcards):
    """Return whether the exemplars of a network came without images, which a generator's would have."""
    folder = checkpoints.fetch_annotations.get(**wildcards).output.target
    return wildcards.annotated_model != "biggan" and milan_groups.lacks_images(folder)


def annotated_images_of(wildcards):
    if not needs_images(wildcards):
        return []
    return f"resources/data/{wildcards.annotated_images}_val"


def class_list_of(wildcards):
    """Return the list of classes of Places365, which images in class folders do not need."""
    local = config["downloads"]["local"].get("places365_val")
    sorted_by_class = (
        local
        and Path(local).is_dir()
        and any(path.is_dir() for path in Path(local).iterdir())
    )
    if (
        wildcards.annotated_images != "places365"
        or sorted_by_class
        or not needs_images(wildcards)
    ):
        return []
    return "resources/data/places365_filelist"
