"""FX graphs in, `fxt` out."""
