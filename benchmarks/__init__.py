"""What quorum costs beside raw pymongo and beside other layers: `make bench`."""
