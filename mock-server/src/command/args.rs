//! The options, and the settings that they stand for.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::config_file::{self, ConfigFileError};
use super::values::{latency, limit};
use crate::latency::LatencyModel;
use crate::settings::{AdminSettings, ClaySettings, CustomerIoSettings, RateLimit, Secret, SimulationSettings, flaw};

/// The environment variable that the admin API's token is taken from unless another is named.
pub const TOKEN_VARIABLE: &str = "PLIMSOLL_MOCK_ADMIN_TOKEN";

const HELP: &str = "\
Examples:
  Both vendors, and a page to break them with at http://127.0.0.1:8083/:
      mock-server
  With the vendors' documented limits, at once, and every request written down:
      mock-server --limits documented --clay-latency 0ms \\
        --customer-io-latency 0ms --ledger ledger.ndjson
  With faults on a timetable that starts now (without --start-timetable it waits for POST /clock):
      mock-server --config vendors.toml --start-timetable
  vendors.toml says how the vendors behave and what is broken, as scenarios do:
      [clay.credits]
      plan = \"launch\"
      [[faults]]
      name = \"clay is down\"
      kind = \"outage\"
      vendor = \"clay\"
      at = \"30s\"
      lasts = \"1m\"
  Break something by hand, see what it did, and repair it:
      curl -X POST http://127.0.0.1:8083/faults \\
        -d '{\"name\":\"slow\",\"kind\":\"latency\",\"add\":\"2s\",\"lasts\":\"5m\"}'
      curl 'http://127.0.0.1:8083/ledger?fault=slow&follow=true'
      curl -X DELETE http://127.0.0.1:8083/faults/slow

`plimsoll mock` is the same program.";

/// What the simulated vendors are started with by hand.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = HELP)]
pub struct MockArgs {
    /// Port for Clay on 127.0.0.1, for http and https; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8081, help_heading = "Vendors")]
    pub clay_port: u16,
    /// Port for Customer.io, likewise.
    #[arg(long, value_name = "PORT", default_value_t = 8082, help_heading = "Vendors")]
    pub customer_io_port: u16,
    /// Seed of everything random.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, help_heading = "Vendors")]
    pub seed: u64,
    /// How long Clay thinks: a time (`40ms`), or median and 99th percentile (`40ms/200ms`).
    #[arg(long, value_name = "TIME", value_parser = latency, help_heading = "Vendors")]
    pub clay_latency: Option<LatencyModel>,
    /// How long Customer.io thinks, likewise.
    #[arg(long, value_name = "TIME", value_parser = latency, help_heading = "Vendors")]
    pub customer_io_latency: Option<LatencyModel>,
    /// The vendors' own limits: the ones that are documented or reported, or none, so that a load measures its sender.
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Limits::None, help_heading = "Vendors")]
    pub limits: Limits,
    /// Clay's limit on webhook submissions, whatever `--limits` says: requests a second and burst (`10/20`).
    #[arg(long, value_name = "RATE/BURST", value_parser = limit, help_heading = "Vendors")]
    pub clay_rate_limit: Option<RateLimit>,
    /// The limit of Customer.io's Track API, likewise.
    #[arg(long, value_name = "RATE/BURST", value_parser = limit, help_heading = "Vendors")]
    pub customer_io_rate_limit: Option<RateLimit>,
    /// Where to write the certificate authority (PEM) that clients need to connect over https.
    #[arg(long, value_name = "FILE", help_heading = "Vendors")]
    pub ca_file: Option<PathBuf>,
    /// How the vendors behave, and faults on a timetable: a TOML file with `[clay]`, `[customer_io]` and a table `[[faults]]`
    /// for each fault, as in a scenario. Options override it.
    #[arg(long, value_name = "FILE", help_heading = "Vendors")]
    pub config: Option<PathBuf>,
    /// Start the timetable's clock at once; otherwise it waits for `POST /clock` or the page's button.
    #[arg(long, requires = "config", help_heading = "Faults")]
    pub start_timetable: bool,
    /// Where to write what happened to every request, one JSON object a line. A file that is there is replaced.
    #[arg(long, value_name = "FILE", help_heading = "Ledger")]
    pub ledger: Option<PathBuf>,
    /// Port for the admin API and its page; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8083, help_heading = "Admin API")]
    pub admin_port: u16,
    /// Address for the admin API. Beyond loopback it needs a token.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), help_heading = "Admin API")]
    pub admin_address: IpAddr,
    /// The environment variable that holds the token which the admin API is to ask for, as a bearer token. Without the option,
    /// PLIMSOLL_MOCK_ADMIN_TOKEN where it is set.
    #[arg(long, value_name = "VARIABLE", help_heading = "Admin API")]
    pub admin_token_env: Option<String>,
    /// No admin API at all.
    #[arg(long, conflicts_with_all = ["admin_port", "admin_address", "admin_token_env"], help_heading = "Admin API")]
    pub no_admin: bool,
    /// Serve a parent process on standard input and output; everything else is then in the settings that it sends.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// Whose limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Limits {
    /// The documented or reported ones.
    Documented,
    /// None.
    None,
}

/// Options that make no sense together with the world around them.
#[derive(Debug, thiserror::Error)]
pub enum ArgsProblem {
    /// The file cannot be read, or makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    /// There is no token where it should be.
    #[error("the environment variable {variable} {problem}; put the admin API's token there, or leave --admin-token-env out")]
    Token {
        /// The variable.
        variable: String,
        /// What is wrong with it. Never its value.
        problem: &'static str,
    },
}

impl MockArgs {
    /// The settings that they stand for. `environment` gives the value of an environment variable.
    ///
    /// # Errors
    ///
    /// The file cannot be read or makes no sense, or the token is not where it should be.
    pub fn settings(&self, environment: impl Fn(&str) -> Option<String>) -> Result<SimulationSettings, ArgsProblem> {
        let (clay, customer_io) = match self.limits {
            Limits::Documented => (ClaySettings::documented(), CustomerIoSettings::documented_limits()),
            Limits::None => (ClaySettings::default(), CustomerIoSettings::default()),
        };
        let base = SimulationSettings { clay, customer_io, ..SimulationSettings::default() };
        let SimulationSettings { clay, customer_io, faults, .. } = match &self.config {
            Some(path) => config_file::read(path, base)?,
            None => base,
        };
        Ok(SimulationSettings {
            seed: self.seed,
            clay_port: self.clay_port,
            customer_io_port: self.customer_io_port,
            clay: ClaySettings {
                latency: self.clay_latency.unwrap_or(clay.latency),
                rate_limit: self.clay_rate_limit.or(clay.rate_limit),
                ..clay
            },
            customer_io: CustomerIoSettings {
                latency: self.customer_io_latency.unwrap_or(customer_io.latency),
                rate_limit: self.customer_io_rate_limit.or(customer_io.rate_limit),
                ..customer_io
            },
            faults,
            admin: if self.no_admin { None } else { Some(self.admin(environment)?) },
            ca_file: self.ca_file.clone(),
            ledger_file: self.ledger.clone(),
        })
    }

    fn admin(&self, environment: impl Fn(&str) -> Option<String>) -> Result<AdminSettings, ArgsProblem> {
        let variable = self.admin_token_env.as_deref().unwrap_or(TOKEN_VARIABLE);
        let wrong = |problem| Err(ArgsProblem::Token { variable: variable.to_owned(), problem });
        let token = environment(variable);
        match token.as_deref().map(flaw) {
            Some(Some(flaw)) => return wrong(flaw),
            None if self.admin_token_env.is_some() => return wrong("is not set"),
            Some(None) | None => {}
        }
        let token = token.map(Secret);
        Ok(AdminSettings { address: self.admin_address, port: self.admin_port, token })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: MockArgs,
    }

    fn parse(options: &[&str]) -> Result<SimulationSettings, String> {
        let program = Program::try_parse_from(std::iter::once(&"mock-server").chain(options));
        let environment = |name: &str| match name {
            "MY_TOKEN" => Some("hush-hush".to_owned()),
            "EMPTY" => Some(String::new()),
            "ECHOED" => Some("hush-hush\n".to_owned()),
            _ => None,
        };
        let settings = program.map_err(|error| error.to_string())?.args.settings(environment);
        settings.map_err(|error| error.to_string())
    }

    #[test]
    fn options_become_settings() {
        let defaults = parse(&[]).unwrap();
        assert_eq!((defaults.clay_port, defaults.customer_io_port), (8081, 8082));
        assert_eq!((defaults.clay, defaults.customer_io), (ClaySettings::default(), CustomerIoSettings::default()));
        assert_eq!(defaults.admin, Some(AdminSettings { port: 8083, ..AdminSettings::default() }));

        let options =
            ["--clay-latency", "40ms/0.2s", "--customer-io-latency", "1.5s", "--clay-rate-limit", "10/20", "--seed", "9"];
        let settings = parse(&options).unwrap();
        let p50_p99 = LatencyModel::Lognormal { p50: Duration::from_millis(40), p99: Duration::from_millis(200) };
        assert_eq!(settings.clay.latency, p50_p99);
        assert_eq!(settings.customer_io.latency, LatencyModel::Fixed { delay: Duration::from_millis(1500) });
        assert_eq!(
            (settings.clay.rate_limit, settings.customer_io.rate_limit, settings.seed),
            (Some(RateLimit { rate: 10.0, burst: 20 }), None, 9)
        );
    }

    #[test]
    fn documented_limits_can_be_asked_for_and_overridden() {
        let settings = parse(&["--limits", "documented", "--customer-io-rate-limit", "5/6"]).unwrap();
        assert_eq!(settings.clay, ClaySettings::documented());
        assert_eq!(settings.customer_io.rate_limit, Some(RateLimit { rate: 5.0, burst: 6 }));
        assert_eq!(settings.customer_io.app_rate_limit, CustomerIoSettings::documented_limits().app_rate_limit);
    }

    #[test]
    fn the_token_comes_from_the_environment_and_is_never_shown() {
        let settings = parse(&["--admin-token-env", "MY_TOKEN", "--admin-address", "0.0.0.0"]).unwrap();
        assert_eq!(settings.admin.as_ref().unwrap().token, Some(Secret("hush-hush".to_owned())));
        assert!(settings.validate().is_ok() && !format!("{settings:?}").contains("hush-hush"));
        assert!(parse(&["--admin-token-env", "NO_TOKEN"]).unwrap_err().contains("NO_TOKEN is not set"));
        assert!(parse(&["--admin-token-env", "EMPTY"]).unwrap_err().contains("EMPTY is empty"));
        let echoed = parse(&["--admin-token-env", "ECHOED"]).unwrap_err();
        assert!(echoed.contains("ECHOED holds white space") && !echoed.contains("hush"), "{echoed}");
        let open = parse(&["--admin-address", "0.0.0.0"]).unwrap();
        assert!(open.validate().unwrap_err().to_string().contains("needs a token"));
        assert_eq!(parse(&["--no-admin"]).unwrap().admin, None);
    }

    #[test]
    fn bad_values_are_reported_with_what_would_be_right() {
        for (option, value, right) in [
            ("--clay-latency", "40", "40s"),
            ("--clay-latency", "-1s", "negative"),
            ("--clay-latency", "soon", "500ms"),
            ("--clay-latency", "200ms/40ms", "at least p50"),
            ("--clay-rate-limit", "10", "`10/20`"),
            ("--clay-rate-limit", "0/20", "`10/20`"),
            ("--clay-port", "99999", "65535"),
            ("--limits", "some", "documented"),
            ("--config", "/no/such/file", "/no/such/file"),
        ] {
            let message = parse(&[&format!("{option}={value}")]).unwrap_err();
            assert!(message.contains(right), "{message}");
        }
        assert!(parse(&["--start-timetable"]).unwrap_err().contains("--config"));
    }
}
