//! Callbacks: what the simulated Clay posts to an address of the user's.
