//! Parse, run, exit code. The one place that reads the process, and the one where it ends.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use shipway::{Cancel, Env, Signal};

/// Our bug.
const INTERNAL: u8 = 70;

fn main() -> ExitCode {
    close_to_others();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return ExitCode::from(INTERNAL);
    };
    let story = async {
        let Ok(env) = Env::of_process() else {
            return INTERNAL;
        };
        tokio::spawn(listen(env.cancel.clone()));
        shipway::run(std::env::args_os().collect(), env).await
    };
    // A panic has said itself on stderr already; it still ends with the code that says whose fault it is.
    let code = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(story)));
    runtime.shutdown_background();
    ExitCode::from(code.unwrap_or(INTERNAL))
}

/// Other programs of the same user can then read neither our variables nor our memory, where tokens and keys are, and a
/// crash leaves no core. What cannot be set (an old kernel, a sandbox) stays as it was.
#[cfg(target_os = "linux")]
fn close_to_others() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

#[cfg(not(target_os = "linux"))]
fn close_to_others() {}

/// The first signal asks to stop; the same one again does not wait for the answer.
#[cfg(unix)]
async fn listen(cancel: Cancel) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return;
    };
    loop {
        tokio::select! {
            biased;
            Some(()) = terminate.recv() => heard(&cancel, Signal::Terminate),
            Some(()) = interrupt.recv() => heard(&cancel, Signal::Interrupt),
            else => return,
        }
    }
}

#[cfg(not(unix))]
async fn listen(cancel: Cancel) {
    while tokio::signal::ctrl_c().await.is_ok() {
        heard(&cancel, Signal::Interrupt);
    }
}

fn heard(cancel: &Cancel, signal: Signal) {
    if cancel.signal() == Some(signal) {
        end(signal.exit_code());
    }
    cancel.cancel(signal);
}

#[allow(clippy::exit, reason = "the one place where the process ends")]
fn end(code: u8) {
    std::process::exit(i32::from(code));
}
