"""The Flask side of quorum; nothing outside of this folder imports Flask."""
