import { MessageError } from './message-error.ts';

export const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
/** As many as a name may have labels: more lead from pointer to pointer. */
const MOST_POINTERS = 127;
const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** A name of the wire, and where what follows it begins. */
export interface ReadName {
  readonly name: string;
  readonly end: number;
}

/**
 * Reads a name (RFC 1035, 4.1.4). A pointer must lead to before the labels that it ends, so that no message can make a reader go round,
 * and no name is longer than 255 bytes however it is put together.
 *
 * @throws MessageError
 */
export function readName(bytes: Buffer, start: number): ReadName {
  let name = '';
  let length = 1;
  let at = start;
  let end = -1;
  let lowest = start;
  let pointers = 0;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) throw new MessageError('a name goes on behind the end of the message');
    if (size === 0) return { name: name === '' ? '.' : name, end: end < 0 ? at + 1 : end };
    if (size <= MAX_LABEL_BYTES) {
      const next = at + 1 + size;
      if (next > bytes.length) throw new MessageError('a label goes on behind the end of the message');
      length += size + 1;
      if (length > MAX_NAME_BYTES) throw new MessageError('a name is longer than 255 bytes');
      name += labelText(bytes, at + 1, next);
      at = next;
    } else if (size >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) throw new MessageError('a pointer goes on behind the end of the message');
      if (++pointers > MOST_POINTERS) throw new MessageError('a name has too many pointers');
      if (end < 0) end = at + 2;
      const target = ((size & 0x3f) << 8) | low;
      if (target >= lowest) throw new MessageError('a pointer does not lead back');
      lowest = target;
      at = target;
    } else throw new MessageError('a label is of a kind that is not known');
  }
}

function labelText(bytes: Buffer, start: number, end: number): string {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte <= 0x20 || byte >= 0x7f || byte === DOT || byte === BACKSLASH) return escapedLabel(bytes, start, end);
  }
  return `${bytes.toString('latin1', start, end)}.`;
}

function escapedLabel(bytes: Buffer, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === DOT || byte === BACKSLASH) text += `\\${String.fromCharCode(byte)}`;
    else if (byte <= 0x20 || byte >= 0x7f) text += `\\${String(byte).padStart(3, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return `${text}.`;
}

/**
 * The labels of a name as bytes.
 *
 * @throws MessageError for what is no name
 */
export function labelsOf(name: string): Buffer[] {
  if (name === '.') return [];
  const labels: Buffer[] = [];
  let label: number[] = [];
  let length = 1;
  const text = name.endsWith('.') && !/(^|[^\\])(\\\\)*\\\.$/.test(name) ? name : `${name}.`;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) throw new MessageError(`${JSON.stringify(name)} is no domain name`);
    if (code === DOT) {
      if (label.length === 0 || label.length > MAX_LABEL_BYTES)
        throw new MessageError(`${JSON.stringify(name)} is no domain name`);
      length += label.length + 1;
      labels.push(Buffer.from(label));
      label = [];
    } else if (code === BACKSLASH) {
      const digits = /^\d{3}/.exec(text.slice(i + 1, i + 4))?.[0];
      const value = digits === undefined ? text.charCodeAt(i + 1) : Number(digits);
      if (!(value <= 0xff)) throw new MessageError(`${JSON.stringify(name)} is no domain name`);
      label.push(value);
      i += digits === undefined ? 1 : 3;
    } else label.push(code);
  }
  if (label.length > 0 || length > MAX_NAME_BYTES) throw new MessageError(`${JSON.stringify(name)} is no domain name`);
  return labels;
}

/** With the final dot, in lower case: what zones and names of a configuration are compared as. @throws MessageError */
export function normalName(name: string): string {
  const labels = labelsOf(name.toLowerCase());
  if (labels.length === 0) return '.';
  return labels.map((label) => labelText(label, 0, label.length)).join('');
}

/** Whether `name` is `zone` or lies below it; both in lower case with a final dot. */
export function isWithin(name: string, zone: string): boolean {
  if (zone === '.') return true;
  if (!name.endsWith(zone)) return false;
  if (name.length === zone.length) return true;
  return name.charCodeAt(name.length - zone.length - 1) === DOT && name.charCodeAt(name.length - zone.length - 2) !== BACKSLASH;
}

/** The longest of the zones that `name` lies in. */
export function zoneOf(name: string, zones: readonly string[]): string | undefined {
  let best: string | undefined;
  for (const zone of zones) if (isWithin(name, zone) && (best === undefined || zone.length > best.length)) best = zone;
  return best;
}
