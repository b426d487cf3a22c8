//! Where the kernel's start of the program becomes ours, without the standard library's own start:
//! what that does for a runtime (a handler for stack overflows, a look at the memory map) costs a
//! tenth of a millisecond.

/// Makes the program's `main` out of a function that takes the arguments and gives the exit code.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// Called by the C library.
        // SAFETY: no other function of this program is called main.
        #[unsafe(no_mangle)]
        pub extern "C" fn main(_count: i32, _values: *const *const u8) -> i32 {
            $crate::sys::entry::prepare();
            $main(std::env::args_os()).number().into()
        }
    };
}

/// What the standard library would have done: no signal for a broken pipe, and nothing else in the
/// place of stdin, stdout or stderr.
pub fn prepare() {
    // SAFETY: SIG_IGN is no handler of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    for number in 0..3 {
        // SAFETY: takes no pointers.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
            // SAFETY: the path is a C string literal. The lowest free number is this one.
            unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        }
    }
}
