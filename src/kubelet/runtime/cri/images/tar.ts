/** Writing tar archives (POSIX ustar) in memory: all that an image's layer and an image's archive need. */

export interface TarEntry {
  /** Relative, without `./`; at most 100 bytes. A directory's ends in `/`. */
  readonly path: string;
  readonly mode: number;
  /** Absent for directories and links. */
  readonly content?: Uint8Array;
  /** The target of a symbolic link. */
  readonly linkTo?: string;
  readonly uid?: number;
  readonly gid?: number;
}

const BLOCK = 512;

/** The archive of these entries, in their order. Times are 0, so that the same entries always give the same bytes. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? []);
    parts.push(header(entry, content.length), content, Buffer.alloc(padding(content.length)));
  }
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

/** https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 */
function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (at: number, length: number, value: string) => {
    if (Buffer.byteLength(value) > length)
      throw new Error(`${JSON.stringify(value)} is too long for a tar header (${length} bytes)`);
    block.write(value, at, 'utf8');
  };
  const octal = (at: number, length: number, value: number) =>
    text(at, length, `${value.toString(8).padStart(length - 1, '0')}\0`);
  text(0, 100, entry.path);
  octal(100, 8, entry.mode & 0o7777);
  octal(108, 8, entry.uid ?? 0);
  octal(116, 8, entry.gid ?? 0);
  octal(124, 12, size);
  octal(136, 12, 0);
  text(156, 1, typeFlag(entry));
  if (entry.linkTo !== undefined) text(157, 100, entry.linkTo);
  text(257, 8, 'ustar\x0000');
  // The checksum counts its own field as blanks.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

function typeFlag(entry: TarEntry): string {
  if (entry.linkTo !== undefined) return '2';
  return entry.path.endsWith('/') ? '5' : '0';
}
