"""Getting published weights: from the table, from torchvision's list, or an error with the nearest names."""

import http.server
import threading

import pytest
import torch
from torchvision.models import get_model_weights

from lib.models.build.zoo import imagenet_weights_url
from lib.stages.downloads import fetch_weights as stage


@pytest.fixture
def server(tmp_path):
    """Serve a folder on this machine and return (url, folder)."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}", folder
        running.shutdown()


def fetch(model, weights_set, target, local=None):
    stage.fetch_weights(
        model=model, weights_set=weights_set, target=str(target), local=local, config_key="downloads.local.x"
    )


def test_weights_outside_the_table_come_from_torchvisions_list(server, tmp_path, monkeypatch):
    url, folder = server
    torch.save({"weight": torch.zeros(2)}, folder / "regnet.pth")
    monkeypatch.setattr(
        stage, "imagenet_weights_url", lambda name: f"{url}/{'regnet.pth' if name == 'regnet_y_400mf' else 'none'}"
    )
    fetch("regnet_y_400mf", "imagenet", tmp_path / "regnet.pth")
    assert (tmp_path / "regnet.pth").read_bytes() == (folder / "regnet.pth").read_bytes()


def test_the_digest_in_the_file_name_is_checked(server, tmp_path, monkeypatch):
    url, folder = server
    (folder / "net-00000000.pth").write_bytes(b"something else")
    monkeypatch.setattr(stage, "imagenet_weights_url", lambda name: f"{url}/net-00000000.pth")
    with pytest.raises(OSError, match="sha256"):
        fetch("regnet_y_400mf", "imagenet", tmp_path / "net.pth")
    assert not (tmp_path / "net.pth").exists()


def test_the_url_is_torchvisions():
    assert imagenet_weights_url("regnet_y_400mf") == get_model_weights("regnet_y_400mf").IMAGENET1K_V1.url


def test_unpublished_weights_are_answered_with_the_nearest(tmp_path):
    with pytest.raises(ValueError, match="resnet50-places365"):
        fetch("resnet51", "places365", tmp_path / "x.pth")
    with pytest.raises(ValueError, match="resnet18"):
        fetch("resnet19", "imagenet", tmp_path / "x.pth")
