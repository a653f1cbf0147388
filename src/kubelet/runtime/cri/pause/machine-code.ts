/** A few instructions' worth of assembler: bytes with labels, for programs too small to be compiled. */

export type CodePart =
  | Uint8Array
  /** A place that others refer to. */
  | { readonly label: string }
  /** Bytes that depend on how far away a label is. */
  | { readonly to: string; readonly size: number; readonly encode: (distance: number) => Uint8Array };

/** Puts the parts one behind the other. `distance` counts from where the part begins. */
export function assemble(parts: readonly CodePart[]): Buffer {
  const labels = new Map<string, number>();
  let at = 0;
  for (const part of parts) {
    if ('label' in part) labels.set(part.label, at);
    else at += part instanceof Uint8Array ? part.length : part.size;
  }
  const bytes: Uint8Array[] = [];
  at = 0;
  for (const part of parts) {
    if ('label' in part) continue;
    const encoded = part instanceof Uint8Array ? part : part.encode(distanceTo(labels, part.to) - at);
    if (!(part instanceof Uint8Array) && encoded.length !== part.size) throw new Error(`a jump to ${part.to} has another size`);
    bytes.push(encoded);
    at += encoded.length;
  }
  return Buffer.concat(bytes);
}

function distanceTo(labels: ReadonlyMap<string, number>, label: string): number {
  const target = labels.get(label);
  if (target === undefined) throw new Error(`there is no label ${label}`);
  return target;
}

const PAGE = 0x1000;
const BASE = 0x400000;
const HEADER = 64;
const PROGRAM_HEADER = 56;

/**
 * A static program for Linux: one segment, readable and executable, entered at its first instruction, with a stack that cannot be executed
 * (elf(5)).
 */
export function elfProgram(machine: 'x86_64' | 'aarch64', code: Uint8Array): Buffer {
  const start = HEADER + 2 * PROGRAM_HEADER;
  const file = Buffer.alloc(start + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little endian, version 1
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(machine === 'x86_64' ? 62 : 183, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(BASE + start), 24); // the entry
  file.writeBigUInt64LE(BigInt(HEADER), 32); // where the program headers are
  file.writeUInt16LE(HEADER, 52);
  file.writeUInt16LE(PROGRAM_HEADER, 54);
  file.writeUInt16LE(2, 56);
  programHeader(file, HEADER, { type: 1, flags: 5, address: BASE, size: file.length, align: PAGE }); // PT_LOAD, R+X
  programHeader(file, HEADER + PROGRAM_HEADER, { type: 0x6474e551, flags: 6, address: 0, size: 0, align: 16 }); // PT_GNU_STACK, R+W
  file.set(code, start);
  return file;
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly size: number;
  readonly align: number;
}

function programHeader(file: Buffer, at: number, { type, flags, address, size, align }: Segment): void {
  file.writeUInt32LE(type, at);
  file.writeUInt32LE(flags, at + 4);
  file.writeBigUInt64LE(BigInt(address), at + 16);
  file.writeBigUInt64LE(BigInt(address), at + 24);
  file.writeBigUInt64LE(BigInt(size), at + 32);
  file.writeBigUInt64LE(BigInt(size), at + 40);
  file.writeBigUInt64LE(BigInt(align), at + 48);
}
