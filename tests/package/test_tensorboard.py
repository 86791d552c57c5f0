"""The real TensorBoard reads what ``dc.fit`` wrote."""

import json
import re
import subprocess
import sys
import time
import urllib.request

import keras
import pytest

import dnn_course as dc


@pytest.fixture
def serve(tmp_path):
    """Start TensorBoard on a folder, on a free port of this machine, and return its address; stop it at the end."""
    servers = []

    def start(folder):
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
        command += ["--host", "localhost", "--port", "0", "--load_fast", "false"]
        with (tmp_path / "stdout").open("wb") as stdout:
            server = subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        servers.append(server)
        said = ""
        for line in server.stderr:
            said += line
            if address := re.search(r"http://localhost:\d+", line):
                return address[0]
        raise RuntimeError(f"TensorBoard ended without an address:\n{said}")

    yield start
    for server in servers:
        server.kill()
        server.communicate(timeout=30)


def test_the_server_shows_the_accuracy(tiny, tiny_validation, tmp_path, serve):
    model = dc.compile_classifier(dc.mlp([5], activation="tanh", n_inputs=6, n_classes=3), "sgd")
    board = keras.callbacks.TensorBoard(tmp_path / "logs" / "run", histogram_freq=1)
    history = dc.fit(model, tiny, epochs=3, batch_size=8, validation_data=tiny_validation, callbacks=[board]).history
    address = serve(tmp_path / "logs")

    def ask(path):
        with urllib.request.urlopen(f"{address}/data/plugin/{path}", timeout=30) as answer:
            return json.load(answer)

    def wait_for(path, tag):
        for _ in range(300):  # the server answers before it has read its folder
            time.sleep(0.1)
            found = {run: tags for run, tags in ask(path).items() if tag in tags}
            if len(found) == len(list((tmp_path / "logs" / "run").iterdir())):
                return found
        return found

    assert set(wait_for("scalars/tags", "epoch_accuracy")) == {"run/train", "run/validation"}
    points = ask("scalars/scalars?run=run/validation&tag=epoch_accuracy")
    assert [value for _, _, value in points] == pytest.approx(history["val_accuracy"])
    assert "kernel/histogram" in ask("histograms/tags")["run/train"]
