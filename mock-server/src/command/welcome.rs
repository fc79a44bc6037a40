//! What is printed at start and at the end.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::MockArgs;
use super::args::TOKEN_VARIABLE;
use crate::counts::Count;
use crate::settings::SimulationSettings;
use crate::simulated::SimulatedVendor;
use crate::simulation::SimulatedVendors;
use crate::text::over_tls;

/// Addresses, and lines to try that work as they stand.
pub(super) fn welcome(vendors: &SimulatedVendors, settings: &SimulationSettings, args: &MockArgs) -> String {
    let (clay, customer_io) = (vendors.clay_url(), vendors.customer_io_url());
    let basic = STANDARD.encode(format!("{}:{}", settings.customer_io.site_id, settings.customer_io.api_key));
    let mut text = String::new();
    for vendor in SimulatedVendor::ALL {
        let url = vendors.url(vendor);
        text.push_str(&format!("Simulated {:<13}{url}   {}\n", vendor.title(), over_tls(&url)));
    }
    if let Some(admin) = vendors.admin_url() {
        text.push_str(&format!("Admin API and page     {admin}/\n"));
    }
    text.push_str(&format!(
        "\n\
         Try them (the credentials are simulated):\n\
         \x20 curl -i {clay}/v3/sources/webhook/{webhook} -d '{{\"email\":\"ada@example.com\"}}'\n\
         \x20 curl -i {clay}/v1/resource -H 'Authorization: Bearer {key}' -d '{{\"test\":true}}'\n\
         \x20 curl -i -X PUT {customer_io}/api/v1/customers/ada -H 'Authorization: Basic {basic}' -d '{{\"plan\":\"pro\"}}'\n\
         \x20 curl -i {customer_io}/api/v1/customers/ada/events -H 'Authorization: Basic {basic}' -d '{{\"name\":\"signed_up\"}}'\n",
        webhook = settings.clay.webhook_id,
        key = settings.clay.api_key,
    ));
    if let Some(path) = &settings.ca_file {
        let ca = path.display();
        let _ = writeln!(
            text,
            "  curl -i --cacert {ca} {}/v1/resource -H 'Authorization: Bearer {}' -d '{{}}'",
            over_tls(&clay),
            settings.clay.api_key
        );
    }
    if let Some(admin) = vendors.admin_url() {
        text.push_str(&break_them(&admin, settings, args));
    }
    text.push_str(&timetable(vendors, settings, args));
    text.push_str("\nCtrl-C ends them.\n");
    text
}

/// The variable's name stands for the token, which is never shown.
fn credentials(settings: &SimulationSettings, args: &MockArgs) -> String {
    let has_token = settings.admin.as_ref().is_some_and(|admin| admin.token.is_some());
    let variable = args.admin_token_env.as_deref().unwrap_or(TOKEN_VARIABLE);
    if has_token { format!(" -H \"Authorization: Bearer ${variable}\"") } else { String::new() }
}

fn break_them(admin: &str, settings: &SimulationSettings, args: &MockArgs) -> String {
    let with = credentials(settings, args);
    format!(
        "\n\
         Break them, and see what happened:\n\
         \x20 curl{with} {admin}/faults -d '{{\"name\":\"down\",\"kind\":\"error\",\"status\":503,\"vendor\":\"clay\",\"lasts\":\"1m\"}}'\n\
         \x20 curl{with} '{admin}/ledger?follow=true'\n\
         \x20 curl{with} {admin}/state\n\
         \x20 curl{with} -X DELETE {admin}/faults/down\n"
    )
}

fn timetable(vendors: &SimulatedVendors, settings: &SimulationSettings, args: &MockArgs) -> String {
    let count = match settings.faults.len() {
        0 => return String::new(),
        1 => "1 fault is".to_owned(),
        count => format!("{count} faults are"),
    };
    let start = match vendors.admin_url() {
        _ if args.start_timetable => "the clock runs".to_owned(),
        Some(admin) => format!("its clock starts with: curl{} -X POST {admin}/clock", credentials(settings, args)),
        None => "its clock never starts: give --start-timetable, or allow the admin API".to_owned(),
    };
    format!("\n{count} on the timetable; {start}\n")
}

/// What was answered.
pub(super) fn summary(counts: &[Count]) -> String {
    if counts.is_empty() {
        return "\nNo requests.\n".to_owned();
    }
    let widest = counts.iter().map(|count| count.route.len()).max().unwrap_or(0).max("route".len());
    let mut text = format!("\n{:<12} {:<widest$} {:>6} {:>10}\n", "vendor", "route", "status", "requests");
    for count in counts {
        let status = if count.status == 0 { "closed".to_owned() } else { count.status.to_string() };
        let (vendor, route) = (count.vendor.as_str(), &count.route);
        let by_fault = if count.by_fault { "  by a fault" } else { "" };
        text.push_str(&format!("{vendor:<12} {route:<widest$} {status:>6} {:>10}{by_fault}\n", count.count));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_closed_connections_and_faults() {
        let count = Count {
            vendor: SimulatedVendor::Clay,
            route: "clay.webhook".to_owned(),
            status: 0,
            by_fault: true,
            limit: None,
            count: 7,
        };
        assert!(summary(&[count]).contains("clay         clay.webhook closed          7  by a fault"));
        assert!(summary(&[]).contains("No requests"));
    }
}
