//! An interpreter: a machine of registers runs a program that looks for primes.

/// What the machine can do.
#[derive(Clone, Copy)]
enum Code {
    Set(u8, u32),
    Add(u8, u8, u8),
    Remainder(u8, u8, u8),
    Store(u8, u8),
    Load(u8, u8),
    Less(u8, u8, u8),
    JumpIf(u8, i32),
    Jump(i32),
    Halt,
}

/// Registers: 0 the candidate, 1 the divisor, 2 the bound, 3 one, 4 how many were found, 7 the last.
const PRIMES: [Code; 18] = [
    Code::Set(0, 2),
    Code::Set(3, 1),
    Code::Less(5, 2, 0),
    Code::JumpIf(5, 14),
    Code::Set(1, 2),
    Code::Less(5, 1, 0),
    Code::JumpIf(5, 2),
    Code::Jump(5),
    Code::Remainder(6, 0, 1),
    Code::Add(1, 1, 3),
    Code::JumpIf(6, -5),
    Code::Jump(4),
    // A prime: it is noted, and read again.
    Code::Add(4, 4, 3),
    Code::Store(4, 0),
    Code::Load(7, 4),
    // The next candidate.
    Code::Add(0, 0, 3),
    Code::Jump(-14),
    Code::Halt,
];

/// Runs the program to its end; answers the registers.
fn execute(program: &[Code], bound: u32, memory: &mut [u32]) -> [u32; 8] {
    let mut registers = [0_u32; 8];
    registers[2] = bound;
    let mut next = 0_usize;
    while let Some(code) = program.get(next) {
        let mut to = 1;
        match *code {
            Code::Set(a, number) => registers[usize::from(a & 7)] = number,
            Code::Add(a, b, c) => {
                registers[usize::from(a & 7)] =
                    registers[usize::from(b & 7)].wrapping_add(registers[usize::from(c & 7)]);
            }
            Code::Remainder(a, b, c) => {
                registers[usize::from(a & 7)] =
                    registers[usize::from(b & 7)].checked_rem(registers[usize::from(c & 7)]).unwrap_or(0);
            }
            Code::Store(a, b) => {
                let at = registers[usize::from(a & 7)] as usize % memory.len();
                memory[at] = registers[usize::from(b & 7)];
            }
            Code::Load(a, b) => {
                registers[usize::from(a & 7)] = memory[registers[usize::from(b & 7)] as usize % memory.len()];
            }
            Code::Less(a, b, c) => {
                registers[usize::from(a & 7)] =
                    u32::from(registers[usize::from(b & 7)] < registers[usize::from(c & 7)]);
            }
            Code::JumpIf(a, by) => {
                if registers[usize::from(a & 7)] != 0 {
                    to = by;
                }
            }
            Code::Jump(by) => to = by,
            Code::Halt => break,
        }
        next = next.wrapping_add_signed(to as isize);
    }
    registers
}

/// Finds the primes below `count`; answers how many there are, and the last.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut memory = vec![0; 256];
    let registers = execute(std::hint::black_box(&PRIMES), count, &mut memory);
    registers[4] << 16 ^ registers[7]
}
