//! The binary: hands the command line to [`moodle_sns_producer::cli`] and exits with its code.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    moodle_sns_producer::cli::main()
}
