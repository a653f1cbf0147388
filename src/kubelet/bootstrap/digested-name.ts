import { createHash } from 'node:crypto';

/**
 * The name of a node's first request, `node-csr-` and 43 characters: a digest (SHA-512/256) of public key, subject and usages, each
 * in URL-safe base64 and ended by `|`, so that a kubelet which asks the same again finds its own request (upstream's
 * pkg/kubelet/certificate/bootstrap, digestedName).
 */
export function digestedName(request: {
  publicKeyDer: Uint8Array;
  commonName: string;
  organizations: readonly string[];
  usages: readonly string[];
}): string {
  const hash = createHash('sha512-256');
  const add = (data: string | Uint8Array) => hash.update(`${Buffer.from(data as string).toString('base64url')}|`);
  add(request.publicKeyDer);
  add(request.commonName);
  for (const organization of request.organizations) add(organization);
  for (const usage of request.usages) add(usage);
  return `node-csr-${hash.digest('base64url')}`;
}
