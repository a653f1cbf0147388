import { checkDnsSubdomain } from '../../../api/machinery/names.ts';
import { createMessageCodec, type MessageCodec } from '../../../std/grpc/message-codec.ts';
import type { EncryptedKey } from './kms-service.ts';

/** How a stored value's key comes of what the plugin decrypts: it is the key, or a seed of which the key is derived. */
export const KeySource = { aesGcmKey: 0, derivedKeySeed: 1 } as const;

/** What is stored of a value (apiserver/pkg/storage/value/encrypt/envelope/kmsv2/v2). */
export interface EncryptedObject extends EncryptedKey {
  readonly data: Uint8Array;
  readonly source: number;
}

const MESSAGES = {
  EncryptedObject: {
    data: '1 bytes',
    keyId: '2 string',
    ciphertext: '3 bytes',
    annotations: '4 map bytes',
    source: '5 enum',
  },
} as const;

const codec: MessageCodec<typeof MESSAGES> = createMessageCodec(MESSAGES);

const LARGEST_KEY = 1024;
const LARGEST_KEY_ID = 1024;
const LARGEST_ANNOTATIONS = 32 * 1024;

export const encodeEncryptedObject = (object: EncryptedObject): Buffer => codec.encode('EncryptedObject', object);

/** Throws for bytes that are no such object, or one that nobody would have written. */
export function decodeEncryptedObject(bytes: Uint8Array): EncryptedObject {
  const object = codec.decode('EncryptedObject', bytes);
  if (object.source !== KeySource.aesGcmKey && object.source !== KeySource.derivedKeySeed)
    throw new Error(`unknown encryptedDEKSourceType: ${object.source}`);
  if (!object.data.length) throw new Error('encrypted data is empty');
  checkEncryptedKey(object);
  return object;
}

/** Throws for what a plugin may not answer. */
export function checkEncryptedKey({ ciphertext, keyId, annotations }: EncryptedKey): void {
  const wrongKey = (why: string) => new Error(`failed to validate encrypted DEK source: encrypted DEK source is ${why}`);
  if (!ciphertext.length) throw wrongKey('empty');
  if (ciphertext.length > LARGEST_KEY) throw wrongKey(`${ciphertext.length} bytes, which exceeds the max size of ${LARGEST_KEY}`);
  checkKeyId(keyId);
  let size = 0;
  for (const [name, value] of Object.entries(annotations)) {
    const [problem] = name.includes('.')
      ? checkDnsSubdomain(name)
      : ['should be a domain with at least two segments separated by dots'];
    if (problem !== undefined)
      throw new Error(`failed to validate annotations: annotations: Invalid value: ${JSON.stringify(name)}: ${problem}`);
    size += Buffer.byteLength(name) + value.length;
  }
  if (size > LARGEST_ANNOTATIONS)
    throw new Error(
      `failed to validate annotations: total size of annotations is ${size}, which exceeds the max size of ${LARGEST_ANNOTATIONS}`,
    );
}

export function checkKeyId(keyId: string): void {
  if (!keyId) throw new Error('failed to validate key id: keyID is empty');
  const { length } = Buffer.from(keyId);
  if (length > LARGEST_KEY_ID)
    throw new Error(`failed to validate key id: keyID is ${length} bytes, which exceeds the max size of ${LARGEST_KEY_ID}`);
}
