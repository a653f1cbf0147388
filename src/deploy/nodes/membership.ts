import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1CertificateSigningRequest, V1Node, V1Pod, V1Secret } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { parseSpecRequest } from '../../pki/certificate-request.ts';
import { CodedError } from '../../std/coded-error.ts';
import { podsOf } from './drain.ts';

/** All that a cluster has of one node. */
export interface Membership {
  readonly node: V1Node | undefined;
  readonly pods: readonly V1Pod[];
  /** Names of certificate requests for it. */
  readonly requests: readonly string[];
  /** Names of Secrets with bootstrap tokens for it. */
  readonly tokens: readonly string[];
}

const SYSTEM = 'kube-system';
const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';

/** The group of who joins as this node. A group's name takes no dots, which the name of a node may have. */
export const bootstrapGroup = (node: string) => `system:bootstrappers:${node.replaceAll('.', '-')}`;

/** Looks for all of it. */
export async function readMembership(client: Client, name: string, signal: AbortSignal): Promise<Membership> {
  const [node, pods, requests, secrets] = await Promise.all([
    unlessReason(client.resource<V1Node>(nodeKind).get(name, { signal }), 'NotFound'),
    podsOf(client, name, signal),
    client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind).list({ signal }),
    client.resource<V1Secret>(secretKind, SYSTEM).list({ fieldSelector: `type=${TOKEN_TYPE}`, signal }),
  ]);
  return {
    node,
    pods,
    requests: requests.items.filter((request) => isFor(request, name)).map(({ metadata }) => metadata?.name ?? ''),
    tokens: secrets.items
      .filter((secret) => groupsOf(secret).includes(bootstrapGroup(name)))
      .map(({ metadata }) => metadata?.name ?? ''),
  };
}

/** The groups that a bootstrap token's Secret gives. */
export const groupsOf = ({ data }: V1Secret): readonly string[] =>
  Buffer.from(data?.['auth-extra-groups'] ?? '', 'base64')
    .toString()
    .split(',');

/** By the name that is asked for: who joins asks by a token. */
function isFor({ spec }: V1CertificateSigningRequest, name: string): boolean {
  if (spec.username === `system:node:${name}`) return true;
  try {
    return parseSpecRequest(spec.request).commonName === `system:node:${name}`;
  } catch (error) {
    // What cannot be read asks for nothing.
    if (error instanceof CodedError) return false;
    throw error;
  }
}

/** Deletes all of it but the pods, which go with their node. */
export async function deleteMembership(
  client: Client,
  name: string,
  { node, requests, tokens }: Membership,
  signal: AbortSignal,
): Promise<void> {
  const gone = (request: Promise<unknown>) => unlessReason(request, 'NotFound');
  const tokenSecrets = client.resource<V1Secret>(secretKind, SYSTEM);
  const signing = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  // What a node could join by again goes first.
  for (const token of tokens) await gone(tokenSecrets.delete(token, { signal }));
  for (const request of requests) await gone(signing.delete(request, { signal }));
  if (node) await gone(client.resource<V1Node>(nodeKind).delete(name, { signal }));
}
