/**
 * Reads Go's run-time types out of a program: every struct's fields with their types and tags. Go keeps them (for reflection) also in
 * stripped programs; layout as in Go's internal/abi/type.go of 1.20 and later, amd64. Part of a tool, not used at run time.
 */

/** Where Go's program lies in the file: a section of an ELF. */
interface Section {
  readonly name: string;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

export interface GoField {
  readonly name: string;
  readonly tag: string;
  readonly embedded: boolean;
  readonly type: GoType;
}

/** What is needed to know of a Go type. `name` is empty where it has none. */
export interface GoType {
  readonly kind: 'pointer' | 'slice' | 'map' | 'struct' | 'other';
  /** With the package for structs: `k8s.io/api/core/v1.PodSpec`. */
  readonly name: string;
  /** Of pointers, slices and maps. */
  readonly element?: GoType;
  /** Read when asked for: types contain themselves. */
  fields(): readonly GoField[];
}

const TYPE_SIZE = 48;
const KINDS: Readonly<Record<number, GoType['kind']>> = { 21: 'map', 22: 'pointer', 23: 'slice', 25: 'struct' };

/** All named structs of a Go program (ELF, amd64), by their full names. */
export function readGoStructs(program: Buffer): Map<string, GoType> {
  const sections = readSections(program);
  const section = (name: string): Section => {
    const found = sections.find((s) => s.name === name);
    if (!found) throw new Error(`the program has no section ${name}: it is no Go program`);
    return found;
  };
  const types = section('.rodata');
  const reader = new TypeReader(program, sections, types.address);
  const links = section('.typelink');
  const structs = new Map<string, GoType>();
  const seen = new Set<GoType>();
  const visit = (type: GoType): void => {
    const queue = [type];
    for (let next = queue.pop(); next; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      if (next.kind === 'struct' && next.name) structs.set(next.name, next);
      if (next.element) queue.push(next.element);
      for (const field of next.fields()) queue.push(field.type);
    }
  };
  for (let at = 0; at < links.size; at += 4) visit(reader.typeAt(types.address + program.readInt32LE(links.offset + at)));
  return structs;
}

function readSections(program: Buffer): Section[] {
  if (program.toString('latin1', 1, 4) !== 'ELF' || program[4] !== 2) throw new Error('not a 64-bit ELF program');
  const headers = Number(program.readBigUInt64LE(0x28));
  const count = program.readUInt16LE(0x3c);
  const raw = Array.from({ length: count }, (_, i) => {
    const at = headers + i * 64;
    return {
      nameAt: program.readUInt32LE(at),
      address: Number(program.readBigUInt64LE(at + 16)),
      offset: Number(program.readBigUInt64LE(at + 24)),
      size: Number(program.readBigUInt64LE(at + 32)),
    };
  });
  const names = raw[program.readUInt16LE(0x3e)]!.offset;
  return raw.map(({ nameAt, ...rest }) => ({
    ...rest,
    name: program.toString('latin1', names + nameAt, program.indexOf(0, names + nameAt)),
  }));
}

class TypeReader {
  readonly #program: Buffer;
  readonly #sections: readonly Section[];
  readonly #typesAddress: number;
  readonly #types = new Map<number, GoType>();

  constructor(program: Buffer, sections: readonly Section[], typesAddress: number) {
    this.#program = program;
    this.#sections = sections;
    this.#typesAddress = typesAddress;
  }

  typeAt(address: number): GoType {
    let type = this.#types.get(address);
    if (!type) {
      type = this.#read(address);
      this.#types.set(address, type);
    }
    return type;
  }

  #read(address: number): GoType {
    const at = this.#offsetOf(address);
    const kind = KINDS[this.#program[at + 23]! & 31] ?? 'other';
    const elementAt = kind === 'map' ? at + TYPE_SIZE + 8 : at + TYPE_SIZE;
    const hasElement = kind !== 'struct' && kind !== 'other';
    let fields: readonly GoField[] | undefined;
    return {
      kind,
      name: this.#nameOf(at, kind),
      ...(hasElement && { element: this.typeAt(this.#pointer(elementAt)) }),
      fields: () => {
        fields ??= kind === 'struct' ? this.#fieldsAt(at) : [];
        return fields;
      },
    };
  }

  #nameOf(at: number, kind: GoType['kind']): string {
    const flags = this.#program[at + 20]!;
    const isNamed = (flags & 4) !== 0;
    if (!isNamed) return '';
    const text = this.#nameAt(this.#typesAddress + this.#program.readInt32LE(at + 40)).text;
    const name = text.slice((flags & 2) !== 0 ? 1 : 0).replace(/^[\w]+\./, '');
    // What describes a named type (its package, its methods) stands behind what its kind needs; of structs only it is of interest.
    if (kind !== 'struct' || (flags & 1) === 0) return name;
    const packageAt = this.#program.readInt32LE(at + TYPE_SIZE + 32);
    return packageAt ? `${this.#nameAt(this.#typesAddress + packageAt).text}.${name}` : name;
  }

  #fieldsAt(at: number): GoField[] {
    const count = Number(this.#program.readBigUInt64LE(at + TYPE_SIZE + 16));
    const first = this.#offsetOf(this.#pointer(at + TYPE_SIZE + 8));
    return Array.from({ length: count }, (_, i) => {
      const field = first + i * 24;
      const { text, tag, embedded } = this.#nameAt(this.#pointer(field));
      return { name: text, tag, embedded, type: this.typeAt(this.#pointer(field + 8)) };
    });
  }

  /** A name: flags (2: has a tag, 8: embedded), length, text, and the tag likewise. */
  #nameAt(address: number): { text: string; tag: string; embedded: boolean } {
    const at = this.#offsetOf(address);
    const flags = this.#program[at]!;
    const text = this.#text(at + 1);
    return { text: text.value, tag: flags & 2 ? this.#text(text.end).value : '', embedded: (flags & 8) !== 0 };
  }

  #text(at: number): { value: string; end: number } {
    let length = 0;
    let start = at;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#program.readUInt8(start++);
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return { value: this.#program.toString('utf8', start, start + length), end: start + length };
  }

  #pointer(offset: number): number {
    return Number(this.#program.readBigUInt64LE(offset));
  }

  #offsetOf(address: number): number {
    for (const { address: start, offset, size } of this.#sections)
      if (start && address >= start && address < start + size) return offset + address - start;
    throw new Error(`address 0x${address.toString(16)} lies in no section`);
  }
}
