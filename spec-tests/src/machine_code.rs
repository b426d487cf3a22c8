//! The smallest program: one system call with given numbers. It exits with the call's errno, 0 if
//! the call succeeded. (The call should give nothing but 0 or an error.)

/// How the call enters the kernel. All three run on one x86-64 kernel, if it was built for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// `syscall`, 64 bit.
    X86_64,
    /// `syscall` with the x32 bit in the number.
    X32,
    /// `int 0x80`, 32 bit.
    I386,
}

/// The bit of an x32 call's number.
const X32_BIT: u32 = 0x4000_0000;

/// Where the program is loaded.
const ADDRESS: u32 = 0x40_0000;

/// An executable file that makes the call and exits with its errno.
pub fn program(abi: Abi, number: u32, arguments: &[u64]) -> Vec<u8> {
    match abi {
        Abi::X86_64 => file64(&code64(number, arguments)),
        Abi::X32 => file64(&code64(number | X32_BIT, arguments)),
        Abi::I386 => file32(&code32(number, arguments)),
    }
}

fn code64(number: u32, arguments: &[u64]) -> Vec<u8> {
    // mov rdi / rsi / rdx / r10 / r8 / r9, immediate
    const MOVE: [[u8; 2]; 6] =
        [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x49, 0xba], [0x49, 0xb8], [0x49, 0xb9]];
    let mut code = Vec::new();
    for (move_, value) in MOVE.iter().zip(arguments) {
        code.extend(move_);
        code.extend(value.to_le_bytes());
    }
    code.push(0xb8); // mov eax, number
    code.extend(number.to_le_bytes());
    code.extend([0x0f, 0x05, 0xf7, 0xd8, 0x89, 0xc7]); // syscall; neg eax; mov edi, eax
    code.push(0xb8); // mov eax, exit_group
    code.extend(231_u32.to_le_bytes());
    code.extend([0x0f, 0x05]);
    code
}

fn code32(number: u32, arguments: &[u64]) -> Vec<u8> {
    // mov ebx / ecx / edx / esi / edi, immediate
    const MOVE: [u8; 5] = [0xbb, 0xb9, 0xba, 0xbe, 0xbf];
    let mut code = Vec::new();
    for (move_, value) in MOVE.iter().zip(arguments) {
        code.push(*move_);
        code.extend(&value.to_le_bytes()[..4]);
    }
    code.push(0xb8); // mov eax, number
    code.extend(number.to_le_bytes());
    code.extend([0xcd, 0x80, 0xf7, 0xd8, 0x89, 0xc3]); // int 0x80; neg eax; mov ebx, eax
    code.push(0xb8); // mov eax, exit_group
    code.extend(252_u32.to_le_bytes());
    code.extend([0xcd, 0x80]);
    code
}

/// elf(5): one segment, the whole file, readable and executable.
fn file64(code: &[u8]) -> Vec<u8> {
    const HEADERS: u16 = 64 + 56;
    let size = u64::from(HEADERS) + code.len() as u64;
    let mut file = identification(2);
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]); // executable, x86-64, version
    file.extend(u64::from(ADDRESS + u32::from(HEADERS)).to_le_bytes()); // entry
    file.extend(64_u64.to_le_bytes()); // program headers
    file.extend(0_u64.to_le_bytes()); // section headers
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]); // load, read + execute
    for word in [0, u64::from(ADDRESS), u64::from(ADDRESS), size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}

fn file32(code: &[u8]) -> Vec<u8> {
    const HEADERS: u16 = 52 + 32;
    let size = u32::from(HEADERS) + u32::try_from(code.len()).expect("a few bytes of code");
    let mut file = identification(1);
    file.extend([2, 0, 3, 0, 1, 0, 0, 0]); // executable, i386, version
    file.extend((ADDRESS + u32::from(HEADERS)).to_le_bytes());
    file.extend(52_u32.to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.extend([0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    for word in [1, 0, ADDRESS, ADDRESS, size, size, 5, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}

/// `class` 1 is 32 bit, 2 is 64 bit.
fn identification(class: u8) -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', class, 1, 1];
    bytes.resize(16, 0);
    bytes
}
