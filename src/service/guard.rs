//! Who may use the service: the guard of `mock_server`, with this service's open paths and words.

use std::net::IpAddr;

pub(super) use mock_server::guard::Guard;
use mock_server::guard::Rules;

use crate::config::Secret;

/// Where Clay's callbacks arrive.
const CALLBACKS: &str = "/callbacks/clay";

/// Whether the process lives and whether it is ready may be requested without a token, because an orchestrator probes before
/// there is a secret; a callback has its signature instead.
const RULES: Rules = Rules {
    open: &["/health/live", "/health/ready", CALLBACKS],
    callbacks: &[CALLBACKS],
    foreign_host: "the header Host is neither this machine's loopback address nor localhost",
    foreign_host_help: "use the address that the service has printed, or give it a token to use it by another name",
    foreign_origin: "another site's page must not change anything here",
    no_token: "the token is missing",
    wrong_token: "this is not the token of this service",
};

/// The guard of a service at this address.
pub(super) fn guard(address: IpAddr, token: Option<&Secret>) -> Guard {
    Guard::new(&RULES, address, token.map(Secret::expose))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Request;

    use super::*;

    #[test]
    fn a_token_is_asked_for_everywhere_but_where_there_cannot_be_one() {
        let guard = guard(Ipv4Addr::UNSPECIFIED.into(), Some(&Secret::new("right")));
        for (path, status) in [
            ("/leads", 401),
            ("/admin/redrive", 401),
            ("/health", 401),
            ("/metrics", 401),
            ("/health/live", 200),
            ("/health/ready", 200),
            ("/callbacks/clay", 200),
            ("/callbacks/clay/", 401),
        ] {
            let request = Request::post(path).header("host", "leads.example").body(()).unwrap();
            let checked = guard.check(&request).map_or_else(|refusal| refusal.status.as_u16(), |()| 200);
            assert_eq!(checked, status, "{path}");
        }
    }
}
