//! The `tollgate` command.

use std::process::ExitCode;

/// A call takes some hundred pieces of memory from one thread and gives many back on another; measured against the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tollgate::app::cli::run()
}
