//! The `watchfire` binary: parses the command line and exits with the code that it returns.

#[cfg(not(feature = "simulation"))]
fn main() -> std::process::ExitCode {
    watchfire::cli::main()
}

/// Whoever can seed a node's randomness knows its secrets.
#[cfg(feature = "simulation")]
fn main() -> std::process::ExitCode {
    eprintln!("this program was built for simulations and does not run\nhint: build it without the `simulation` feature");
    std::process::ExitCode::FAILURE
}
