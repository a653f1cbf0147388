/** What is to be seen of a cluster by whoever is not let in: certificates of its API server and of the kubeconfig, which may be why. */
import { shakeHands } from '../../client/peer-certificate.ts';
import { placeOf } from '../../client/transport/tls-connect.ts';
import type { ResolvedContext } from '../../pki/kubeconfig.ts';
import { covers } from '../checks/name-cover.ts';
import type { NotSeen, Observations, SeenCertificate } from '../observations.ts';
import { seenCertificate, seenInPem } from './seen-certificate.ts';

export interface OutsideOptions {
  readonly context: ResolvedContext;
  readonly nowMs: number;
  readonly timeoutMs: number;
  /** Why nothing else can be seen. */
  readonly why: Error;
}

/** Never rejects. */
export async function lookFromOutside({ context, nowMs, timeoutMs, why }: OutsideOptions): Promise<Observations> {
  const notSeen: NotSeen[] = [{ what: 'the cluster', why: why.message }];
  const [server, own] = await Promise.allSettled([
    lookAtServer(context, timeoutMs),
    Promise.resolve().then(() => certificatesOf(context)),
  ]);
  if (own.status === 'rejected') notSeen.push({ what: "the kubeconfig's certificates", why: (own.reason as Error).message });
  const shown = server.status === 'fulfilled' ? server.value : undefined;
  return {
    ...{ nowMs, server: context.server, serverVersion: undefined },
    ...{ authorityPem: context.caPem, clientAuthorityPem: undefined },
    certificates: [...(shown ? [shown] : []), ...(own.status === 'fulfilled' ? own.value : [])],
    serverNameProblem: shown && !context.insecureSkipTlsVerify ? serverNameProblem(shown, context) : undefined,
    ...{ clusterInfoAgrees: undefined, tokens: undefined, rbac: undefined, requests: undefined, nodes: undefined },
    ...{ leaders: undefined, dns: undefined, apiServers: undefined, proxyClusterCidr: undefined, apiServices: undefined },
    ...{ accountKeys: undefined, hosts: [], notSeen },
  };
}

export async function lookAtServer(
  { server, caPem, proxyUrl, tlsServerName }: ResolvedContext,
  timeoutMs: number,
): Promise<SeenCertificate> {
  const { certificate } = await shakeHands({ ...placeOf(server), caPem, timeoutMs, proxyUrl, serverName: tlsServerName });
  return seenCertificate('API server', certificate);
}

export function serverNameProblem(certificate: SeenCertificate, { server, tlsServerName }: ResolvedContext): string | undefined {
  const name = tlsServerName ?? new URL(server).hostname.replace(/^\[|\]$/g, '');
  return covers(certificate.names, name) ? undefined : `it is for ${certificate.names.join(', ') || 'no name'}, not for ${name}`;
}

export function certificatesOf(context: ResolvedContext): SeenCertificate[] {
  const { caPem, clientCertificatePem } = context;
  return [
    ...(caPem ? seenInPem('kubeconfig authority', caPem) : []),
    ...(clientCertificatePem ? seenInPem('kubeconfig client', clientCertificatePem) : []),
  ];
}
