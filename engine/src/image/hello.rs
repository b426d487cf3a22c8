//! The image that every store has: one program that writes a text and ends. It is so small that it
//! is put together here, machine code and all, rather than carried along.

/// The name that needs no registry.
pub const NAME: &str = "docker.io/library/hello:latest";
/// Where the program is in the image.
pub const PROGRAM: &str = "hello";

/// What it says.
const TEXT: &str = "\
Hello from a container of dok.

This text was written by process 1 of a new set of namespaces. To get here,
  1. dok put together the image `hello`, which it carries with it;
  2. laid a writable layer over it, with overlayfs;
  3. had the runtime onggi make the container and run its only program, /hello.

No daemon took part, and nothing runs on. Next, with a registry in reach:
  dok run -it debian bash
";

/// Where the file begins in memory; far from the page at zero.
const BASE: u64 = 0x40_0000;
const HEADER: u64 = 64 + 56;
/// ELF's numbers of the machines.
const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const RISCV64: u16 = 243;

/// The program for an architecture by Go's name: a static ELF file of one segment. Nothing, where
/// no code for it is known.
pub fn program(architecture: &str) -> Option<Vec<u8>> {
    let length = u32::try_from(TEXT.len()).ok()?;
    let (machine, code) = match architecture {
        "amd64" => (X86_64, amd64(length)),
        "arm64" => (AARCH64, arm64(length)),
        "riscv64" => (RISCV64, riscv64(length)),
        _ => return None,
    };
    let total = HEADER + code.len() as u64 + TEXT.len() as u64;
    let mut file = Vec::new();
    // e_ident: 64 bits, little endian, version 1; e_type 2 (a program), e_machine, e_version 1.
    file.extend(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend([2_u16, machine].iter().flat_map(|n| n.to_le_bytes()));
    file.extend(1_u32.to_le_bytes());
    // e_entry, e_phoff, e_shoff.
    file.extend([BASE + HEADER, 64, 0].iter().flat_map(|n| n.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    // e_ehsize, e_phentsize, e_phnum, and no sections.
    file.extend([64_u16, 56, 1, 0, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
    // The segment: PT_LOAD, readable and executable, from the file's begin to its end.
    file.extend([1_u32, 5].iter().flat_map(|n| n.to_le_bytes()));
    file.extend([0, BASE, BASE, total, total, 0x1000].iter().flat_map(|n| n.to_le_bytes()));
    file.extend(code);
    file.extend(TEXT.bytes());
    Some(file)
}

/// write(1, text, length); exit(0).
fn amd64(length: u32) -> Vec<u8> {
    let mut code = vec![0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0]; // mov eax, 1; mov edi, 1
    code.extend([0x48, 0x8d, 0x35, 16, 0, 0, 0]); // lea rsi, [rip + 16]: past the last instruction
    code.push(0xba); // mov edx, length
    code.extend(length.to_le_bytes());
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]); // mov eax, 60; xor edi, edi; syscall
    code
}

/// The same.
fn arm64(length: u32) -> Vec<u8> {
    let movz = |register: u32, value: u32| 0xd280_0000 | value << 5 | register;
    let svc = 0xd400_0001;
    [
        movz(8, 64),
        movz(0, 1),
        0x1000_0000 | 7 << 5 | 1, // adr x1, 7 instructions on: past the last one
        movz(2, length & 0xffff),
        svc,
        movz(8, 93),
        movz(0, 0),
        svc,
        0, // never reached
    ]
    .iter()
    .flat_map(|word: &u32| word.to_le_bytes())
    .collect()
}

/// The same.
fn riscv64(length: u32) -> Vec<u8> {
    let li = |register: u32, value: u32| value << 20 | register << 7 | 0x13;
    let (a0, a1, a2, a7, ecall) = (10, 11, 12, 17, 0x73);
    [
        li(a7, 64),
        li(a0, 1),
        a1 << 7 | 0x17,                       // auipc a1, 0
        32 << 20 | a1 << 15 | a1 << 7 | 0x13, // addi a1, a1, 32: past the last one
        li(a2, length),
        ecall,
        li(a7, 93),
        li(a0, 0),
        ecall,
        0, // never reached
    ]
    .iter()
    .flat_map(|word: &u32| word.to_le_bytes())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_fits_where_the_code_says_how_long_it_is() {
        // riscv64's li takes 11 bits without a sign.
        assert!(TEXT.len() < 2048);
        for architecture in ["amd64", "arm64", "riscv64"] {
            let program = program(architecture).unwrap();
            assert!(program.ends_with(TEXT.as_bytes()) && program.len() < 1024);
        }
        assert_eq!(program("s390x"), None);
    }

    #[test]
    fn the_code_ends_where_it_says_that_the_text_begins() {
        // lea ends after 17 bytes, adr is the third word, auipc the third.
        assert_eq!(amd64(1).len(), 17 + 16);
        assert_eq!(arm64(1).len(), 4 * (2 + 7));
        assert_eq!(riscv64(1).len(), 4 * 2 + 32);
    }
}
