"""Code emitted by the generator; never edited by hand."""
