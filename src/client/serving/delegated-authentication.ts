import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { tokenReviewKind } from '../../api/authentication/v1/token-review.ts';
import { subjectAccessReviewKind } from '../../api/authorization/v1/subject-access-review.ts';
import type { V1SubjectAccessReview, V1TokenReview } from '../../api/gen/types.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import type { Client } from '../client.ts';
import { distrustOf } from '../transport/distrust.ts';

/** Who calls. */
export interface Caller {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const ANONYMOUS: Caller = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Says who calls: by a client certificate that leads to one of the authorities, or by a bearer token that the API server is asked about.
 * Undefined: credentials were given and are not good (401). No credentials: anonymous.
 */
export async function authenticateCaller(
  request: { socket: TLSSocket; authorization: string | undefined; clientCaPem: string | undefined },
  client: Client | undefined,
): Promise<Caller | undefined> {
  const { socket, authorization, clientCaPem } = request;
  if (distrustOf(socket, clientCaPem, 'client auth') === undefined) {
    const certificate = socket.getPeerCertificate();
    if (certificate?.raw) {
      const [parsed] = parseCertificates(new X509Certificate(certificate.raw).toString());
      if (parsed?.commonName) return { name: parsed.commonName, groups: [...parsed.organizations, 'system:authenticated'] };
    }
  }
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!token) return ANONYMOUS;
  if (!client) return undefined;
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
  const { status } = (await client.resource(tokenReviewKind).create(review)) as unknown as V1TokenReview;
  const user = status?.authenticated ? status.user : undefined;
  if (!user?.username) return undefined;
  const groups = [...new Set([...(user.groups ?? []), 'system:authenticated'])];
  return { name: user.username, uid: user.uid, groups, extra: user.extra };
}

/** Whether a caller may read a path: as the API server says; without one to ask, only members of system:masters. */
export async function mayRead(caller: Caller, path: string, client: Client | undefined): Promise<boolean> {
  if (caller.groups.includes('system:masters')) return true;
  if (!client) return false;
  const { name: user, uid, groups, extra } = caller;
  const spec = { user, uid, groups, extra, nonResourceAttributes: { path, verb: 'get' } };
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {}, spec };
  const { status } = (await client.resource(subjectAccessReviewKind).create(review)) as unknown as V1SubjectAccessReview;
  return status?.allowed === true;
}
