//! Who may use the admin API.

use crate::guard::Rules;

/// What needs no token is whether it is alive, and the page, which holds nothing and asks for the token itself.
pub(super) const RULES: Rules = Rules {
    callbacks: &[],
    open: &["/health", "/"],
    foreign_host: "is neither this machine's loopback address nor localhost",
    foreign_host_help: "use the address that the simulator has printed, or give the admin API a token to use it by another name",
    foreign_origin: "is another site, which must not change anything here",
    no_token: "is missing",
    wrong_token: "is not the token of this admin API",
};
