//! Extended attributes (xattr(7)).

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{c_string, check};

/// `setxattr(2)`: sets an attribute, or changes it.
pub fn set(path: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    let (path, name) = (path_string(path)?, c_string(name)?);
    // SAFETY: two C strings and a slice with its length, which live over the call.
    let result = unsafe {
        libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
    };
    check(result).map(drop)
}

/// `getxattr(2)`: an attribute's value; nothing where there is none.
pub fn get(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    /// `XATTR_SIZE_MAX`
    const MOST: usize = 64 << 10;
    let (path, name) = (path_string(path)?, c_string(name)?);
    let mut value: Vec<u8> = Vec::with_capacity(MOST);
    // SAFETY: the kernel writes at most `MOST` bytes into the spare capacity.
    let got =
        unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), MOST) };
    match check(got) {
        Err(error) if error.raw_os_error() == Some(libc::ENODATA) => Ok(None),
        Err(error) => Err(error),
        Ok(length) => {
            // SAFETY: that many bytes were just written.
            unsafe { value.set_len(length as usize) };
            Ok(Some(value))
        }
    }
}

/// Whether a file has an attribute of this name.
pub fn has(path: &Path, name: &str) -> bool {
    get(path, name).is_ok_and(|value| value.is_some())
}

fn path_string(path: &Path) -> io::Result<std::ffi::CString> {
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?)
}
