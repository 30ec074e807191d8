"""Image files: decoding them as the network and the person see them, finding them in a folder, a demo."""
