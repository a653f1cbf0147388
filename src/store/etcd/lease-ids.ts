import { randomBytes } from 'node:crypto';
import type { LeaseId } from '../store.ts';

/** etcd's ids have 63 bits, ours 52, which numbers hold exactly; etcdctl shows them in hexadecimal, and so do we. */
export function newLeaseNumber(): number {
  return randomBytes(6).readUIntBE(0, 6) * 16 + (randomBytes(1)[0]! & 15) || 1;
}

export const leaseIdOf = (number: number): LeaseId => number.toString(16);

/** Undefined for what cannot be the id of a lease of ours. */
export function leaseNumberOf(id: LeaseId): number | undefined {
  return /^[1-9a-f][0-9a-f]{0,12}$/.test(id) ? Number.parseInt(id, 16) : undefined;
}
