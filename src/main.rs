//! The `watchfire` binary: parses the command line and exits with the code that it returns.

fn main() -> std::process::ExitCode {
    watchfire::cli::main()
}
