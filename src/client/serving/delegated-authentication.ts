import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { createProxiedUserReader, type ReceivedHeaders } from '../../api/authentication/front-proxy-user.ts';
import { tokenReviewKind } from '../../api/authentication/v1/token-review.ts';
import { subjectAccessReviewKind } from '../../api/authorization/v1/subject-access-review.ts';
import type { V1SubjectAccessReview, V1TokenReview } from '../../api/gen/types.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { leadsToAuthority } from '../../pki/lead-to-authority.ts';
import type { Client } from '../client.ts';
import { chainOf, distrustOf } from '../transport/distrust.ts';
import type { TrustedCallers } from './follow-trusted-callers.ts';

/** Who calls. */
export interface Caller {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const ANONYMOUS: Caller = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** A request, as far as it says who calls. */
export interface CallerQuestion {
  readonly socket: TLSSocket;
  readonly authorization: string | undefined;
  readonly headers: ReceivedHeaders;
  readonly trusted: TrustedCallers;
}

/**
 * Says who calls: by the headers of a front proxy, by a client certificate that leads to one of the authorities, or by a bearer token that the API
 * server is asked about, the first of these that holds. Undefined: credentials were given and are not good (401). No credentials: anonymous.
 */
export async function authenticateCaller(question: CallerQuestion, client: Client | undefined): Promise<Caller | undefined> {
  const { socket, authorization, trusted } = question;
  const leaf = trusted.clientCaPem === undefined && !trusted.frontProxies ? undefined : shownBy(socket);
  const known = leaf && (proxiedCaller(leaf, question) ?? certificateCaller(leaf, question));
  if (known) return known;
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!token) return leaf ? undefined : ANONYMOUS;
  if (!client) return undefined;
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
  const { status } = (await client.resource(tokenReviewKind).create(review)) as unknown as V1TokenReview;
  const user = status?.authenticated ? status.user : undefined;
  if (!user?.username) return undefined;
  const groups = [...new Set([...(user.groups ?? []), 'system:authenticated'])];
  return { name: user.username, uid: user.uid, groups, extra: user.extra };
}

/** What the caller has shown; undefined for no certificate. */
function shownBy(socket: TLSSocket): DetailedPeerCertificate | undefined {
  const leaf = socket.getPeerCertificate(true);
  return leaf?.raw ? leaf : undefined;
}

/** Whom a front proxy speaks for. One whose name is not allowed speaks for nobody. */
function proxiedCaller(leaf: DetailedPeerCertificate, { headers, trusted }: CallerQuestion): Caller | undefined {
  const { frontProxies } = trusted;
  const user = frontProxies && createProxiedUserReader(frontProxies)(headers);
  if (!user || !leadsTo(leaf, frontProxies.caPem)) return undefined;
  const name = nameOf(leaf)?.commonName ?? '';
  if (frontProxies.allowedNames.length > 0 && !frontProxies.allowedNames.includes(name)) return undefined;
  return { ...user, groups: [...new Set([...user.groups, 'system:authenticated'])] };
}

function certificateCaller(leaf: DetailedPeerCertificate, { socket, trusted }: CallerQuestion): Caller | undefined {
  const { clientCaPem, frontProxies } = trusted;
  if (clientCaPem === undefined) return undefined;
  // With two sets of authorities the connection's own yes does not say which of them it means.
  const isGood = frontProxies ? leadsTo(leaf, clientCaPem) : distrustOf(socket, clientCaPem, 'client auth') === undefined;
  const subject = isGood ? nameOf(leaf) : undefined;
  return subject?.commonName
    ? { name: subject.commonName, groups: [...subject.organizations, 'system:authenticated'] }
    : undefined;
}

const leadsTo = (leaf: DetailedPeerCertificate, authoritiesPem: string) =>
  leadsToAuthority({ leaf: leaf.raw, between: chainOf(leaf), authoritiesPem, purpose: 'client auth', nowMs: Date.now() });

function nameOf(leaf: DetailedPeerCertificate) {
  const [parsed] = parseCertificates(new X509Certificate(leaf.raw).toString());
  return parsed;
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
