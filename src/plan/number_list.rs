//! Lists of CPUs and memory nodes, like `0-3,7`.

use crate::error::{Error, Result};

/// More than any kernel can be built for; keeps a typing error from filling the memory.
const LARGEST: u32 = 65_535;

/// The numbers of a list, ascending and each once. Blanks around an element and empty elements
/// are passed over, as the callers of runc may write them.
///
/// # Errors
/// The element that is no number or no ascending range.
pub(super) fn parse(list: &str) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for element in list.split(',').map(str::trim).filter(|element| !element.is_empty()) {
        let (first, last) = element.split_once('-').unwrap_or((element, element));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => numbers.extend(first..=last),
            _ => return Err(Error::new(format!("{element:?} is no number and no range"))),
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// A decimal number without a sign.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number <= LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_runc_reads_it() {
        let cases: [(&str, &[u32]); 8] = [
            ("", &[]),
            ("0", &[0]),
            ("0-3,7", &[0, 1, 2, 3, 7]),
            (" 1 , 3-4 ", &[1, 3, 4]),
            (",,2,", &[2]),
            ("5,1-2,5", &[1, 2, 5]),
            ("1-1", &[1]),
            ("1024-1025", &[1024, 1025]),
        ];
        for (list, numbers) in cases {
            assert_eq!(parse(list).unwrap(), numbers, "{list:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for list in ["x", "1-", "-1", "3-1", "1-2-3", "+1", "65536", "0-4294967295", "1 2", "1 - 2"]
        {
            assert!(parse(list).is_err(), "{list:?}");
        }
    }
}
