//! SMPP without I/O.
