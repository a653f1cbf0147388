import { createHash, timingSafeEqual } from 'node:crypto';
import type { DynamicObject } from '../../api/machinery/object.ts';

/** The text behind one key of a Secret's data; empty when there is none. */
export function secretText(secret: DynamicObject, key: string): string {
  const value = (secret['data'] as Record<string, string | null> | undefined)?.[key];
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
}

/** Whether two secrets are the same, in a time that tells nothing of where they differ or how long they are. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

export const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
