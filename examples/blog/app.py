"""Serve the blog: `python app.py`, or any WSGI server with `app:app`."""

from blog import create_app, demo

import quorum

app = create_app()

if __name__ == "__main__":
    demo.fill()
    quorum.run()
