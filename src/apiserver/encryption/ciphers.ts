import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { ValueTransformer } from './value-transformer.ts';

const BLOCK_BYTES = 16;
const GCM_NONCE_BYTES = 12;
const GCM_TAG_BYTES = 16;
const SECRETBOX_NONCE_BYTES = 24;

const bits = (key: Buffer) => key.length * 8;

/** AES-CBC with PKCS#7 padding: initialization vector, then blocks (storage/value/encrypt/aes). Not authenticated, as upstream's. */
export function createAesCbc(key: Buffer): ValueTransformer {
  const secret = createSecretKey(key);
  const algorithm = `aes-${bits(key)}-cbc`;
  return {
    read(stored) {
      if (stored.length < BLOCK_BYTES) throw new Error('the stored data was shorter than the required size');
      if (stored.length % BLOCK_BYTES !== 0) throw new Error('the stored data is not a multiple of the block size');
      const decipher = createDecipheriv(algorithm, secret, stored.subarray(0, BLOCK_BYTES));
      try {
        return { data: Buffer.concat([decipher.update(stored.subarray(BLOCK_BYTES)), decipher.final()]), stale: false };
      } catch (cause) {
        throw new Error('invalid padding on input', { cause });
      }
    },
    write(data) {
      const iv = randomBytes(BLOCK_BYTES);
      const cipher = createCipheriv(algorithm, secret, iv);
      return Buffer.concat([iv, cipher.update(data), cipher.final()]);
    },
  };
}

/** AES-GCM with a random nonce in front and the path as additional data. */
export function createAesGcm(key: Buffer): ValueTransformer {
  const secret: KeyObject = createSecretKey(key);
  const algorithm = `aes-${bits(key)}-gcm` as 'aes-256-gcm';
  return {
    read(stored, path) {
      if (stored.length < GCM_NONCE_BYTES + GCM_TAG_BYTES) throw new Error('the stored data was shorter than the required size');
      const decipher = createDecipheriv(algorithm, secret, stored.subarray(0, GCM_NONCE_BYTES));
      decipher.setAAD(Buffer.from(path));
      decipher.setAuthTag(stored.subarray(-GCM_TAG_BYTES));
      try {
        const data = Buffer.concat([decipher.update(stored.subarray(GCM_NONCE_BYTES, -GCM_TAG_BYTES)), decipher.final()]);
        return { data, stale: false };
      } catch (cause) {
        throw new Error('cipher: message authentication failed', { cause });
      }
    },
    write(data, path) {
      const nonce = randomBytes(GCM_NONCE_BYTES);
      const cipher = createCipheriv(algorithm, secret, nonce);
      cipher.setAAD(Buffer.from(path));
      return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]);
    },
  };
}

/** XSalsa20 and Poly1305 as NaCl's secretbox: nonce, tag, ciphertext. The library is loaded when it is configured. */
export async function createSecretbox(key: Buffer): Promise<ValueTransformer> {
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  return {
    read(stored) {
      if (stored.length < SECRETBOX_NONCE_BYTES) throw new Error('the stored data was shorter than the required size');
      try {
        const box = xsalsa20poly1305(key, stored.subarray(0, SECRETBOX_NONCE_BYTES));
        return { data: Buffer.from(box.decrypt(stored.subarray(SECRETBOX_NONCE_BYTES))), stale: false };
      } catch (cause) {
        throw new Error('message authentication failed', { cause });
      }
    },
    write(data) {
      const nonce = randomBytes(SECRETBOX_NONCE_BYTES);
      return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(data)]);
    },
  };
}
