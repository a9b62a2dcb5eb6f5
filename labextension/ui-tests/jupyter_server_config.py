"""The JupyterLab that the tests use: one of its own, with a store and a cache of its own, reachable from this machine alone."""

import os
from pathlib import Path

from jupyterlab.galata import configure_jupyter_server

HERE = Path(os.environ["PERDURE_UI_HOME"])
for name, folder in {
    "PERDURE_STORE": "store",
    "PERDURE_COT": "cot",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "IPYTHONDIR": "ipython",
}.items():
    os.environ[name] = str(HERE / folder)
os.environ["JUPYTERLAB_GALATA_ROOT_DIR"] = str(HERE / "root")
(HERE / "root").mkdir(exist_ok=True)

configure_jupyter_server(c)  # noqa: F821 - the configuration's own name
c.ServerApp.ip = "127.0.0.1"  # noqa: F821
c.ServerApp.port = int(os.environ["PERDURE_UI_PORT"])  # noqa: F821
c.ServerApp.jpserver_extensions = {"perdure": True}  # noqa: F821
c.ServerApp.allow_root = True  # noqa: F821 - a container's only user
c.LabApp.news_url = None  # noqa: F821
