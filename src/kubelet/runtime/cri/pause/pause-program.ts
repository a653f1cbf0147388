/**
 * The process that keeps a sandbox: process 1 of the pod's namespaces, a few hundred bytes of program. It does this and nothing else:
 *
 *     block(INT, TERM, CHLD)
 *     for (;;) {
 *       while (wait4(-1, NULL, WNOHANG, NULL) > 0) {}     zombies of the pod's containers end up with process 1
 *       do signal = rt_sigtimedwait(INT|TERM|CHLD) while (signal < 0)
 *       if (signal != CHLD) exit_group(0)
 *     }
 *
 * Signals are blocked and fetched rather than handled: the kernel drops a signal that process 1 neither handles nor blocks, and nothing can
 * come between looking and waiting.
 */
import type { Architecture } from '../images/oci-image.ts';
import { assemble, type CodePart, elfProgram } from './machine-code.ts';

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
const WNOHANG = 1;

/** As the kernel's sigset_t: bit n - 1 for signal n. */
const SIGNALS = Buffer.alloc(8);
SIGNALS.writeUInt32LE((1 << (SIGINT - 1)) | (1 << (SIGTERM - 1)) | (1 << (SIGCHLD - 1)));

/** The program as a file. */
export function pauseProgram(architecture: Architecture): Buffer {
  return architecture === 'amd64' ? elfProgram('x86_64', assemble(forX86())) : elfProgram('aarch64', assemble(forArm()));
}

function forX86(): CodePart[] {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const call = (number: number) => [bytes(0xb8, number, 0, 0, 0), bytes(0x0f, 0x05)]; // mov eax, number; syscall
  const short = (opcode: number, to: string): CodePart => ({
    to,
    size: 2,
    encode: (distance) => bytes(opcode, (distance - 2) & 0xff),
  });
  const address = (modrm: number, to: string): CodePart => ({
    to,
    size: 7,
    encode(distance) {
      const code = Buffer.from([0x48, 0x8d, modrm, 0, 0, 0, 0]); // lea <register>, [rip + distance]
      code.writeInt32LE(distance - 7, 3);
      return code;
    },
  });
  const zeroEdi = bytes(0x31, 0xff);
  const zeroEsi = bytes(0x31, 0xf6);
  const zeroEdx = bytes(0x31, 0xd2);
  const eightR10 = bytes(0x41, 0xba, 8, 0, 0, 0); // mov r10d, 8: the size of a sigset_t
  return [
    zeroEdi, // SIG_BLOCK
    address(0x35, 'signals'), // rsi
    zeroEdx,
    eightR10,
    ...call(14), // rt_sigprocmask
    { label: 'reap' },
    bytes(0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff), // mov rdi, -1: any child
    zeroEsi,
    bytes(0xba, WNOHANG, 0, 0, 0), // mov edx, WNOHANG
    bytes(0x45, 0x31, 0xd2), // xor r10d, r10d
    ...call(61), // wait4
    bytes(0x85, 0xc0), // test eax, eax
    short(0x7f, 'reap'), // jg
    { label: 'wait' },
    address(0x3d, 'signals'), // rdi
    zeroEsi,
    zeroEdx,
    eightR10,
    ...call(128), // rt_sigtimedwait
    bytes(0x83, 0xf8, SIGCHLD), // cmp eax, SIGCHLD
    short(0x74, 'reap'), // je
    bytes(0x85, 0xc0), // test eax, eax
    short(0x7c, 'wait'), // jl: interrupted
    zeroEdi,
    ...call(231), // exit_group
    { label: 'signals' },
    SIGNALS,
  ];
}

function forArm(): CodePart[] {
  const word = (value: number) => {
    const code = Buffer.alloc(4);
    code.writeUInt32LE(value >>> 0);
    return code;
  };
  const move = (register: number, value: number) => word(0xd2800000 | (value << 5) | register); // movz x<register>, #value
  const compare = (value: number) => word(0xf100001f | (value << 10)); // cmp x0, #value
  const call = (number: number) => [move(8, number), word(0xd4000001)]; // svc #0
  const branch = (condition: number, to: string): CodePart => ({
    to,
    size: 4,
    encode: (distance) => word(0x54000000 | (((distance / 4) & 0x7ffff) << 5) | condition),
  });
  const address = (register: number, to: string): CodePart => ({
    to,
    size: 4,
    encode: (distance) => word(0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5) | register), // adr
  });
  const [EQUAL, LESS, GREATER] = [0, 11, 12];
  return [
    move(0, 0), // SIG_BLOCK
    address(1, 'signals'),
    move(2, 0),
    move(3, 8), // the size of a sigset_t
    ...call(135), // rt_sigprocmask
    { label: 'reap' },
    word(0x92800000), // mov x0, #-1: any child
    move(1, 0),
    move(2, WNOHANG),
    move(3, 0),
    ...call(260), // wait4
    compare(0),
    branch(GREATER, 'reap'),
    { label: 'wait' },
    address(0, 'signals'),
    move(1, 0),
    move(2, 0),
    move(3, 8),
    ...call(137), // rt_sigtimedwait
    compare(SIGCHLD),
    branch(EQUAL, 'reap'),
    compare(0),
    branch(LESS, 'wait'), // interrupted
    move(0, 0),
    ...call(94), // exit_group
    { label: 'signals' },
    SIGNALS,
  ];
}
