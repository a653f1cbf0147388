import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { CodedError } from '../../std/coded-error.ts';

/**
 * A stream that only who has the key can read, and nobody can change or cut unseen:
 *
 *     "muster sealed 1\n"  salt (32 bytes)  { length (4 bytes, big-endian)  ciphertext  tag (16 bytes) } …
 *
 * AES-256-GCM, with a key of its own for each file (HKDF-SHA256 of the given key and the salt). The nonce of a piece is its number and
 * whether it is the last one, so that pieces cannot be left out, moved, or missing at the end (Rogaway's STREAM).
 */
const MAGIC = Buffer.from('muster sealed 1\n');
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const PIECE_BYTES = 64 * 1024;
export const SHORTEST_KEY_BYTES = 16;

/** Whether a file begins as a sealed one does. */
export const isSealed = (beginning: Uint8Array): boolean => Buffer.from(beginning).subarray(0, MAGIC.length).equals(MAGIC);

const wrong = (why: string) => new CodedError(why, { code: 'ARCHIVE_SEALED' });

/** @param key any secret of 16 bytes or more, best random ones */
export async function* seal(source: AsyncIterable<Uint8Array>, key: Uint8Array): AsyncGenerator<Buffer, void, undefined> {
  const salt = randomBytes(SALT_BYTES);
  const fileKey = deriveKey(key, salt);
  yield Buffer.concat([MAGIC, salt]);
  let number = 0;
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    held = Buffer.concat([held, chunk]);
    // The last piece is known by its nonce: a full one waits until more has come.
    while (held.length > PIECE_BYTES) {
      yield encrypt(fileKey, nonceOf(number++, false), held.subarray(0, PIECE_BYTES));
      held = held.subarray(PIECE_BYTES);
    }
  }
  yield encrypt(fileKey, nonceOf(number, true), held);
}

/** The reverse. @throws CodedError ARCHIVE_SEALED for another key, or a stream that was changed or cut */
export async function* unseal(source: AsyncIterable<Uint8Array>, key: Uint8Array): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  let fileKey: Buffer | undefined;
  let number = 0;
  let ended = false;
  for await (const chunk of source) {
    held = Buffer.concat([held, chunk]);
    if (!fileKey) {
      if (held.length < MAGIC.length + SALT_BYTES) continue;
      if (!isSealed(held)) throw wrong('the archive is not sealed');
      fileKey = deriveKey(key, held.subarray(MAGIC.length, MAGIC.length + SALT_BYTES));
      held = held.subarray(MAGIC.length + SALT_BYTES);
    }
    while (held.length >= 4) {
      const length = held.readUInt32BE(0);
      if (length > PIECE_BYTES + TAG_BYTES || length < TAG_BYTES) throw wrong('the sealed archive is damaged');
      if (held.length < 4 + length) break;
      if (ended) throw wrong('the sealed archive goes on after its end');
      const piece = held.subarray(4, 4 + length);
      const middle = decrypt(fileKey, nonceOf(number, false), piece);
      const plain = middle ?? decrypt(fileKey, nonceOf(number, true), piece);
      if (!plain)
        throw wrong(number === 0 ? 'the key is not the one the archive was sealed with' : 'the sealed archive is damaged');
      ended = middle === undefined;
      number++;
      held = held.subarray(4 + length);
      yield plain;
    }
  }
  if (!ended || held.length > 0) throw wrong('the sealed archive ends too early');
}

function deriveKey(key: Uint8Array, salt: Uint8Array): Buffer {
  if (key.length < SHORTEST_KEY_BYTES) throw wrong(`the key has ${key.length} bytes; it needs ${SHORTEST_KEY_BYTES} or more`);
  return Buffer.from(hkdfSync('sha256', key, salt, 'muster backup', 32));
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

function encrypt(key: Buffer, nonce: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function decrypt(key: Buffer, nonce: Buffer, body: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
  const plain = decipher.update(body.subarray(0, body.length - TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    return undefined; // another key, another place, or changed
  }
}
