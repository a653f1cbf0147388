import type { DynamicObject } from '../../api/machinery/object.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import { jsonTextInSteps, parseInSteps } from '../../std/json-in-steps.ts';
import type { Steps } from '../../std/pauses.ts';

/**
 * How objects lie in the store: JSON without `metadata.resourceVersion`, with `apiVersion`, `kind` and `metadata` first. The bytes to
 * send are then made without parsing, by splicing the resourceVersion in at a place that the kind alone decides:
 *
 *     {"apiVersion":"v1","kind":"Pod","metadata":{ │ "name":"web-0", … }, "spec": …
 *                                                 └─ "resourceVersion":"42",
 */
export interface StoredForm {
  readonly apiVersion: string;
  readonly kind: string;
  /** The bytes up to and with metadata's opening brace. */
  readonly head: Buffer;
  /** Where `"metadata"` begins in the head: items of built-in kinds are sent from there on, without apiVersion and kind. */
  readonly itemOffset: number;
}

export function storedForm(apiVersion: string, kind: string): StoredForm {
  const type = `{"apiVersion":${JSON.stringify(apiVersion)},"kind":${JSON.stringify(kind)},`;
  return { apiVersion, kind, head: Buffer.from(`${type}"metadata":{`), itemOffset: Buffer.byteLength(type) };
}

/** The bytes to store. The object's own apiVersion and kind are replaced by the form's; its resourceVersion is left out. */
export function encodeStored(form: StoredForm, object: DynamicObject): Buffer {
  return bytesOf(exactJsonText(asStored(form, object)));
}

/** The same of a large object. */
export function* encodeInSteps(form: StoredForm, object: DynamicObject): Steps<Buffer> {
  return bytesOf(yield* jsonTextInSteps(asStored(form, object)));
}

function asStored(form: StoredForm, object: DynamicObject): object {
  const { apiVersion: _a, kind: _k, metadata, ...rest } = object;
  const { resourceVersion: _r, selfLink: _s, ...meta } = metadata;
  return { apiVersion: form.apiVersion, kind: form.kind, metadata: meta, ...rest };
}

function bytesOf(text: string): Buffer {
  // Memory of its own: what a store in memory keeps for days would keep 64 KiB of the shared pool.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

const insertedFor = (revision: number) => `"resourceVersion":"${revision}",`;

/** The bytes to send: stored bytes with the resourceVersion spliced in. */
export function spliceResourceVersion(form: StoredForm, value: Uint8Array, revision: number): Buffer {
  return spliceBetween(form, value, revision, NOTHING, NOTHING);
}

/** How many bytes that makes. */
export const splicedLength = (value: Uint8Array, revision: number): number => value.length + insertedFor(revision).length;

/** The bytes to send with others before and behind them, as a watch sends them. */
export function spliceBetween(form: StoredForm, value: Uint8Array, revision: number, before: Buffer, behind: Buffer): Buffer {
  const inserted = insertedFor(revision);
  const at = form.head.length;
  // Memory of its own: in the shared pool what is kept would keep 64 KiB of what is not.
  const bytes = Buffer.allocUnsafeSlow(before.length + value.length + inserted.length + behind.length);
  bytes.set(before, 0);
  bytes.set(value.subarray(0, at), before.length);
  bytes.write(inserted, before.length + at, 'latin1');
  bytes.set(value.subarray(at), before.length + at + inserted.length);
  bytes.set(behind, bytes.length - behind.length);
  return bytes;
}

const NOTHING = Buffer.alloc(0);

/** Where the JSON object ends that begins at `start`. The bytes are JSON that was made here: what is none ends somewhere. */
export function endOfObject(json: Uint8Array, start: number): number {
  let depth = 0;
  for (let i = start; i < json.length; i++) {
    const byte = json[i];
    if (byte === QUOTE) {
      for (i++; i < json.length && json[i] !== QUOTE; i++) if (json[i] === BACKSLASH) i++;
    } else if (byte === OPEN) depth++;
    else if (byte === CLOSE && --depth === 0) return i + 1;
  }
  return json.length;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The stored bytes again, of bytes that were made by `spliceResourceVersion`. */
export function removeResourceVersion(form: StoredForm, bytes: Buffer, revision: number): Buffer {
  const at = form.head.length;
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + insertedFor(revision).length)]);
}

/** Stored bytes in this form's shape: as they are, or written anew when somebody else's key order is met. */
export function normalizeStored(form: StoredForm, value: Uint8Array): Uint8Array {
  if (value.length > form.head.length && form.head.compare(value, 0, form.head.length) === 0 && value[form.head.length] === 0x22)
    return value;
  return encodeStored(form, parseObject(value));
}

/** What stored bytes say that they are; read from their beginning, unless somebody else's order of keys is met. */
export function storedVersion(value: Uint8Array): { readonly apiVersion: string; readonly kind: string } {
  const beginning = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, LONGEST_TYPE)).toString('latin1');
  const found = /^\{"apiVersion":"([^"\\]+)","kind":"([^"\\]+)",/.exec(beginning);
  if (found) return { apiVersion: found[1]!, kind: found[2]! };
  const { apiVersion, kind } = parseObject(value);
  return { apiVersion, kind };
}

/** Of apiVersion and kind, which are names with bounds. */
const LONGEST_TYPE = 700;

/** @throws SyntaxError when the bytes are no JSON */
export function parseObject(value: Uint8Array): DynamicObject {
  return parseExactJson(textOf(value)) as DynamicObject;
}

/** The same of a large object. */
export function* parseObjectInSteps(value: Uint8Array): Steps<DynamicObject> {
  return (yield* parseInSteps(textOf(value))) as DynamicObject;
}

const textOf = (value: Uint8Array): string =>
  (Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)).toString('utf8');
