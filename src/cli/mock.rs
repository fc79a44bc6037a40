//! `plimsoll mock`: the same program as `mock-server`.

use std::process::ExitCode;

use mock_server::command::{self, MockArgs};

pub(super) fn run(args: &MockArgs) -> ExitCode {
    command::run(args)
}
