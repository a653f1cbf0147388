import { createHmac, randomBytes } from 'node:crypto';
import { createAesGcm } from '../ciphers.ts';
import type { ValueTransformer } from '../value-transformer.ts';

const INFO_BYTES = 32;
export const SEED_BYTES = 32;

/**
 * AES-GCM with a key of its own for every value, derived of a seed and random bytes that stand before the value
 * (apiserver/pkg/storage/value/encrypt/aes, NewHKDFExtendedNonceGCMTransformer): one seed is good for any number of values.
 *
 *     | info, 32 random bytes | nonce, 12 | ciphertext | tag, 16 |        key = HKDF-Expand(SHA-256, seed, info)
 */
export function createDerivedKeyCipher(seed: Buffer): ValueTransformer {
  if (seed.length < SEED_BYTES) throw new Error(`invalid seed length ${seed.length} used for key generation`);
  const cipherOf = (info: Buffer) => createAesGcm(expandKey(seed, info));
  return {
    read(stored, path) {
      if (stored.length < INFO_BYTES) throw new Error('the stored data was shorter than the required size');
      return cipherOf(stored.subarray(0, INFO_BYTES)).read(stored.subarray(INFO_BYTES), path);
    },
    write(data, path) {
      const info = randomBytes(INFO_BYTES);
      return Buffer.concat([info, cipherOf(info).write(data, path)]);
    },
  };
}

/** HKDF-Expand with SHA-256 for as many bytes as the hash has (RFC 5869, 2.3). */
export function expandKey(seed: Buffer, info: Buffer): Buffer {
  return createHmac('sha256', seed).update(info).update(Buffer.of(1)).digest();
}
