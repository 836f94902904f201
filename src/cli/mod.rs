//! Arguments to validated options to commands.
