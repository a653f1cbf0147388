import { CodedError } from '../std/coded-error.ts';

/** One armoured block: `-----BEGIN label-----` … `-----END label-----`. */
export interface PemBlock {
  readonly label: string;
  /** RFC 1421 headers, such as `Proc-Type` of an encrypted key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly der: Buffer;
}

export interface PemDocument {
  readonly blocks: readonly PemBlock[];
  /** What stands after the last block, without white space around it. */
  readonly trailing: string;
}

/** Larger than any bundle of trusted certificates. */
export const MAX_PEM_BYTES = 4 * 1024 * 1024;

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const BOUNDARY = /^-----(BEGIN|END) ([A-Z0-9 #.]+)-----$/;
const HEADER = /^([A-Za-z0-9-]+):\s*(.*)$/;

const pemError = (message: string) => new CodedError(message, { code: 'PEM_MALFORMED' });

/**
 * Reads every block of a PEM document (RFC 7468, with the headers of RFC 1421). Text before and between blocks is allowed,
 * as `openssl -text` writes it. Throws a CodedError (PEM_MALFORMED, PEM_TOO_LARGE) that says what is wrong.
 */
export function parsePem(input: string | Uint8Array, maxBytes = MAX_PEM_BYTES): PemDocument {
  if (input.length > maxBytes) {
    throw new CodedError(`PEM document of ${input.length} bytes is larger than ${maxBytes}`, { code: 'PEM_TOO_LARGE' });
  }
  const lines = (typeof input === 'string' ? input : Buffer.from(input).toString('latin1')).split('\n');
  const blocks: PemBlock[] = [];
  let trailing: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const boundary = BOUNDARY.exec(lines[i]!.trim());
    if (!boundary) {
      trailing.push(lines[i]!);
      continue;
    }
    if (boundary[1] === 'END') throw pemError(`PEM: END ${boundary[2]} without its BEGIN`);
    const end = readBlock(lines, i + 1, boundary[2]!, blocks);
    trailing = [];
    i = end;
  }
  return { blocks, trailing: trailing.join('\n').trim() };
}

/** Reads the block whose body starts at `start` and returns the line of its END. */
function readBlock(lines: readonly string[], start: number, label: string, blocks: PemBlock[]): number {
  const headers: Record<string, string> = Object.create(null);
  const body: string[] = [];
  for (let i = start; i < lines.length; i++) {
    const line = lines[i]!.trim();
    const boundary = BOUNDARY.exec(line);
    if (boundary) {
      if (boundary[1] !== 'END' || boundary[2] !== label) throw pemError(`PEM: BEGIN ${label} is not ended by END ${label}`);
      blocks.push({ label, headers, der: decodeBody(label, body.join('')) });
      return i;
    }
    const header = body.length === 0 ? HEADER.exec(line) : null;
    if (header) headers[header[1]!] = header[2]!;
    else if (line) body.push(line);
  }
  throw pemError(`PEM: BEGIN ${label} without its END`);
}

function decodeBody(label: string, base64: string): Buffer {
  if (base64.length % 4 !== 0 || !BASE64.test(base64)) throw pemError(`PEM: the body of ${label} is not base64`);
  // In memory of its own: what is read is often kept, and would keep the whole of Node's pool of small buffers.
  const der = Buffer.allocUnsafeSlow(Buffer.byteLength(base64, 'base64'));
  der.write(base64, 'base64');
  return der;
}

/** Armours `der` in lines of 64 characters. */
export function formatPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}
