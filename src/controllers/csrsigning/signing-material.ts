import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { type Authority, openAuthority } from '../../pki/authority.ts';
import { CodedError } from '../../std/coded-error.ts';

/** A certificate that signs and its key. */
export interface SigningMaterial {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Where a signer gets its authority from each time that it signs. */
export type AuthoritySource = () => Promise<Authority>;

/** One authority for good. */
export function fixedAuthority(material: SigningMaterial): AuthoritySource {
  const authority = openAuthority(material.certificatePem, material.privateKeyPem);
  return () => Promise.resolve(authority);
}

/**
 * The authority in two files, read again when either of them has changed. While the new pair cannot be used (one file written and the
 * other not yet) the old one goes on signing and `onError` is told; without an old one the call rejects.
 */
export function authorityFromFiles(
  files: { certificateFile: string; keyFile: string },
  onError: (error: Error) => void,
): AuthoritySource {
  let current: { authority: Authority; stamp: string } | undefined;
  let failedStamp: string | undefined;
  const load = async (): Promise<Authority> => {
    const stamp = `${stampOf(await statFile(files.certificateFile))} ${stampOf(await statFile(files.keyFile))}`;
    if (current?.stamp === stamp) return current.authority;
    if (current && failedStamp === stamp) return current.authority;
    try {
      const [certificatePem, privateKeyPem] = await Promise.all([
        readFile(files.certificateFile, 'utf8'),
        readFile(files.keyFile, 'utf8'),
      ]);
      current = { authority: openAuthority(certificatePem, privateKeyPem), stamp };
      failedStamp = undefined;
    } catch (cause) {
      const error = new CodedError(
        `error reading CA cert file "${files.certificateFile}" and key file "${files.keyFile}": ${(cause as Error).message}`,
        { code: 'SIGNING_MATERIAL_UNUSABLE', retryable: true, cause },
      );
      if (!current) throw error;
      failedStamp = stamp;
      onError(error);
    }
    return current.authority;
  };
  return async () => {
    try {
      return await load();
    } catch (error) {
      if (!current) throw error;
      onError(error as Error);
      return current.authority;
    }
  };
}

function statFile(path: string): Promise<BigIntStats> {
  return stat(path, { bigint: true });
}

function stampOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}
