"""Protocol to text: TLA+ and Murphi."""
