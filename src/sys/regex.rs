//! Regular expressions of the C library, POSIX extended.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// A compiled expression.
pub struct Regex(Box<libc::regex_t>);

impl Regex {
    /// `regcomp(3)`
    ///
    /// # Errors
    /// The library's words on what is wrong with the expression.
    pub fn new(text: &str) -> Result<Regex, String> {
        let text = CString::new(text).map_err(|_| "it holds a zero byte".to_owned())?;
        let mut regex = Box::new(MaybeUninit::<libc::regex_t>::uninit());
        let flags = libc::REG_EXTENDED | libc::REG_NOSUB;
        // SAFETY: regcomp fills the struct, which it may expect to be uninitialised; the text is
        // a C string that outlives the call.
        let code = unsafe { libc::regcomp(regex.as_mut_ptr(), text.as_ptr(), flags) };
        if code != 0 {
            return Err(words(code, &regex));
        }
        // SAFETY: regcomp gave 0, so it has filled the struct.
        Ok(Regex(unsafe { regex.assume_init() }))
    }

    /// `regexec(3)`: whether the expression matches anywhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the struct is compiled and not yet freed, the text is a C string, and no
        // matches are asked for.
        unsafe { libc::regexec(&raw const *self.0, text.as_ptr(), 0, std::ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled by `new`, and freed only here.
        unsafe { libc::regfree(&raw mut *self.0) }
    }
}

/// `regerror(3)`
fn words(code: i32, regex: &MaybeUninit<libc::regex_t>) -> String {
    let mut buffer = [0_u8; 128];
    let (start, size) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the buffer has this size, and the struct is the one that regcomp failed on.
    unsafe { libc::regerror(code, regex.as_ptr(), start, size) };
    let text = CStr::from_bytes_until_nul(&buffer).map(CStr::to_string_lossy);
    text.map(|text| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_anywhere_unless_it_is_anchored() {
        let matches = |regex: &str, text: &str| Regex::new(regex).unwrap().matches(text);
        assert!(matches("e", "web"));
        assert!(matches("^w(eb|ow)[0-9]+$", "wow17"));
        assert!(!matches("^e", "web"));
        assert!(!matches("^w(eb|ow)[0-9]+$", "wow"));
    }

    #[test]
    fn a_wrong_expression_is_told() {
        for regex in ["(", "[", "a\0"] {
            let words = Regex::new(regex).err().unwrap();
            assert!(!words.is_empty(), "{regex:?}");
        }
    }
}
