"""OpenStack Swift with its S3 API, all of it in one process: `python swift_server.py FOLDER USER SECRET`.

It is run by the Python of `.venv-swift`, in an empty folder, and says `Swift listens on http://127.0.0.1:PORT`. USER is
`account:name`. In production each of its four servers has processes of its own; nothing is replicated here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import eventlet
from eventlet import wsgi
from swift.common import utils
from swift.common.constraints import MAX_REQUEST_LINE
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

NODES = ("account", "container", "object")

FILTERS = "catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink"

NODE = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}
mount_check = false

[app:main]
use = egg:swift#{name}
"""

PROXY = """
[DEFAULT]
swift_dir = {folder}

[pipeline:main]
pipeline = {names} proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""

OPTIONS = {"tempauth": "user_{user} = {secret} .admin\n", "versioned_writes": "allow_object_versioning = true\n"}


def main(folder: Path, user: str, secret: str) -> None:
    utils.monkey_patch()
    (folder / "disk").mkdir()
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = of the tests\n")
    utils.set_swift_dir(str(folder))
    servers = {name: eventlet.listen(("127.0.0.1", 0)) for name in (*NODES, "proxy")}
    for name in NODES:
        (folder / f"{name}.conf").write_text(NODE.format(folder=folder, name=name))
        write_ring(folder / f"{name}.ring.gz", servers[name].getsockname()[1])
    filters = [f"\n[filter:{name}]\nuse = egg:swift#{name}\n{OPTIONS.get(name, '')}" for name in FILTERS.split()]
    given = {"folder": folder, "names": FILTERS, "user": user.replace(":", "_"), "secret": secret}
    (folder / "proxy.conf").write_text((PROXY + "".join(filters)).format(**given))
    print(f"Swift listens on http://127.0.0.1:{servers['proxy'].getsockname()[1]}", flush=True)
    for greenlet in [eventlet.spawn(serve, folder / f"{name}.conf", listener) for name, listener in servers.items()]:
        greenlet.wait()


def serve(conf: Path, listener: Any) -> None:
    """Serve one of the four as `swift.common.wsgi.run_server()` does in a process of its own."""
    wsgi.server(
        listener,
        loadapp(str(conf)),
        utils.NullLogger(),
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,
        url_length_limit=MAX_REQUEST_LINE,
    )


def write_ring(path: Path, port: int) -> None:
    """Write that everything is on the one disk of the one node."""
    builder = RingBuilder(1, 1, 0)
    address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk", "meta": "", **address})
    builder.rebalance()
    builder.get_ring().save(str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4])
