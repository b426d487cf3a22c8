//! Where the kernel's start of the program becomes ours, without the standard library's own start:
//! what that does for a runtime (a handler for stack overflows, a look at the memory map) costs a
//! tenth of a millisecond.

use std::ffi::{CStr, OsString, c_char};
use std::os::unix::ffi::OsStringExt;

/// Makes the program's `main` out of a function that takes the arguments and gives the exit code.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// Called by the C library.
        // SAFETY: no other function of this program is called main.
        #[unsafe(no_mangle)]
        extern "C" fn main(count: i32, values: *const *const std::ffi::c_char) -> i32 {
            $crate::sys::entry::prepare();
            // SAFETY: what the C library gives to main: as many strings as it says.
            let arguments = unsafe { $crate::sys::entry::arguments(count, values) };
            $main(arguments).number().into()
        }
    };
}

/// The arguments of the program. The standard library learns them from glibc alone.
///
/// # Safety
/// `values` has `count` strings, which live as long as the program.
pub unsafe fn arguments(
    count: i32,
    values: *const *const c_char,
) -> impl Iterator<Item = OsString> {
    (0..count as usize).map(move |index| {
        // SAFETY: the caller vouches for the list and for its length.
        let value = unsafe { *values.wrapping_add(index) };
        // SAFETY: the caller vouches for the strings.
        let value = unsafe { CStr::from_ptr(value) };
        OsString::from_vec(value.to_bytes().to_owned())
    })
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
