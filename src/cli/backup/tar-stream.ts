import { CodedError } from '../../std/coded-error.ts';

/** One file of a tar archive (POSIX ustar, which every tar reads). */
export interface TarHeader {
  /** Relative, with `/` between its parts. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly size: number;
  readonly modifiedMs: number;
  /** What a symbolic link points at; absent for files. */
  readonly link?: string;
}

const BLOCK = 512;
const LARGEST = 8 ** 11 - 1;
const LONGEST_NAME = 100;
const LONGEST_PREFIX = 155;

const corrupt = (what: string) => new CodedError(`the archive is damaged: ${what}`, { code: 'ARCHIVE_CORRUPT' });

/** The block before a file's content. Throws a CodedError for paths and sizes that the format has no room for. */
export function tarHeader({ path, mode, size, modifiedMs, link = '' }: TarHeader): Buffer {
  const [prefix, name] = splitPath(path);
  if (size > LARGEST || Buffer.byteLength(link) > LONGEST_NAME)
    throw new CodedError(`${path} does not fit an archive`, { code: 'ARCHIVE_LIMIT' });
  const block = Buffer.alloc(BLOCK);
  const number = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0);
  block.write(number(mode & 0o7777, 7), 100);
  block.write(number(0, 7), 108);
  block.write(number(0, 7), 116);
  block.write(number(size, 11), 124);
  block.write(number(Math.floor(modifiedMs / 1000), 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(link ? '2' : '0', 156);
  block.write(link, 157);
  block.write('ustar\x0000', 257);
  block.write(prefix, 345);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** What follows a file's content up to the next block. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** What ends an archive. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK);

/**
 * Reads an archive. `take` is given each file's header and content, which it may leave unread; it is awaited before the next one.
 *
 * @throws CodedError ARCHIVE_CORRUPT when it is no whole archive
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  take: (header: TarHeader, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const bytes = new ByteSource(source);
  for (;;) {
    const block = await bytes.exactly(BLOCK);
    if (block.every((byte) => byte === 0)) return;
    const header = parseHeader(block);
    const content = bytes.part(header.size);
    await take(header, content);
    for await (const _ of content); // what was not read
    await bytes.exactly((BLOCK - (header.size % BLOCK)) % BLOCK);
  }
}

function parseHeader(block: Buffer): TarHeader {
  const text = (from: number, length: number) => {
    const end = block.indexOf(0, from);
    return block.toString('utf8', from, end >= 0 && end < from + length ? end : from + length);
  };
  const number = (from: number, length: number) => {
    const digits = text(from, length).trim();
    if (!/^[0-7]+$/.test(digits)) throw corrupt('a number is none');
    return Number.parseInt(digits, 8);
  };
  const sum = number(148, 8);
  const blank = Buffer.from(block);
  blank.write(' '.repeat(8), 148);
  if (checksum(blank) !== sum) throw corrupt('a header has another checksum than it says');
  const type = text(156, 1);
  if (type !== '0' && type !== '' && type !== '2')
    throw corrupt(`it holds something that is no file (type ${JSON.stringify(type)})`);
  const prefix = text(345, LONGEST_PREFIX);
  return {
    path: prefix ? `${prefix}/${text(0, LONGEST_NAME)}` : text(0, LONGEST_NAME),
    mode: number(100, 8),
    size: number(124, 12),
    modifiedMs: number(136, 12) * 1000,
    ...(type === '2' && { link: text(157, LONGEST_NAME) }),
  };
}

function checksum(block: Buffer): number {
  let sum = 0;
  for (const byte of block) sum += byte;
  return sum;
}

function splitPath(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= LONGEST_NAME) return ['', path];
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (Buffer.byteLength(prefix) <= LONGEST_PREFIX && Buffer.byteLength(name) <= LONGEST_NAME) return [prefix, name];
  }
  throw new CodedError(`${path} is too long for an archive`, { code: 'ARCHIVE_LIMIT' });
}

/** Bytes of a stream in the portions that are asked for. */
class ByteSource {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async exactly(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.part(count)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** The next so many bytes, to be read once; reading on after its end gives nothing. */
  part(count: number): AsyncIterable<Buffer> {
    let left = count;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (left === 0) return { done: true, value: undefined };
      if (this.#held.length === 0) {
        const { done, value } = await this.#source.next();
        if (done) throw corrupt('it ends too early');
        this.#held = Buffer.from(value.buffer, value.byteOffset, value.length);
      }
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      return { done: false, value: piece };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }
}
