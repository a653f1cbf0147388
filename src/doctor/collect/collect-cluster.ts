import type {
  V1CertificateSigningRequest,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1Endpoints,
  V1Lease,
  V1Node,
  V1Secret,
} from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client, ListOptions } from '../../client/client.ts';
import { listPages } from '../../client/list-pages.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { ResolvedContext } from '../../pki/kubeconfig.ts';
import { parseKubeconfig } from '../../pki/kubeconfig.ts';
import type { NotSeen, Observations, SeenApiService, SeenCertificate } from '../observations.ts';
import { collectAccountKeys } from './collect-account-keys.ts';
import { collectDns } from './collect-dns.ts';
import { KINDS, type Lister } from './kinds.ts';
import { certificatesOf, lookAtServer, serverNameProblem } from './look-from-outside.ts';
import { type NodeProbeOptions, probeNodes } from './probe-nodes.ts';
import { readToken } from './read-token.ts';
import { seenInPem } from './seen-certificate.ts';

export interface CollectOptions extends NodeProbeOptions {
  readonly client: Client;
  readonly context: ResolvedContext;
  readonly signal: AbortSignal;
}

/** Looks at all that a kubeconfig opens, in parallel. What cannot be looked at is noted; only an API server that does not answer rejects. */
export async function collectCluster(options: CollectOptions): Promise<Observations> {
  const { client, context, clock, signal } = options;
  const notSeen: NotSeen[] = [];
  const attempt = async <T>(what: string, look: Promise<T>): Promise<T | undefined> => {
    try {
      return await look;
    } catch (error) {
      signal.throwIfAborted();
      notSeen.push({ what, why: (error as Error).message });
      return undefined;
    }
  };
  const list = <T extends KubeObject>(kind: ResourceKind, namespace?: string, more: ListOptions = {}) =>
    listAll<T>(client, kind, namespace, { ...more, signal });
  // The one thing without which nothing can be said.
  const version = JSON.parse((await client.raw({ path: '/version', signal })).text) as { gitVersion?: string };
  const nodeObjects = attempt('nodes', list<V1Node>(KINDS.nodes));
  const nodeLeases = attempt('leases of nodes', list<V1Lease>(KINDS.leases, 'kube-node-lease'));
  const [
    server,
    own,
    bundles,
    tokens,
    roles,
    bindings,
    requests,
    nodes,
    leaders,
    dns,
    info,
    apiServices,
    apiServers,
    proxyClusterCidr,
    accountKeys,
    clientAuthorityPem,
  ] = await Promise.all([
    attempt("the API server's certificate", lookAtServer(context, options.timeoutMs)),
    attempt(
      "the kubeconfig's certificates",
      Promise.resolve().then(() => certificatesOf(context)),
    ),
    attempt('authorities in webhooks and API services', collectBundles(list)),
    attempt('bootstrap tokens', readTokens(list)),
    attempt('cluster roles', list<V1ClusterRole>(KINDS.roles)),
    attempt('cluster role bindings', list<V1ClusterRoleBinding>(KINDS.bindings)),
    attempt('certificate requests', list<V1CertificateSigningRequest>(KINDS.requests)),
    Promise.all([nodeObjects, nodeLeases]).then(([found, leases]) => found && probeNodes(found, leases ?? [], options, notSeen)),
    attempt('leases of leaders', list<V1Lease>(KINDS.leases, 'kube-system')),
    attempt('cluster DNS', collectDns(list)),
    attempt('cluster-info', readClusterInfo(client, context)),
    attempt('aggregated APIs', readApiServices(list)),
    attempt('API servers', readApiServers(list)),
    attempt('kube-proxy’s settings', readProxyClusterCidr(client)),
    attempt('keys of service-account tokens', collectAccountKeys(client, list, signal)),
    attempt('whose certificates the API server takes', readClientAuthority(client)),
  ]);
  return {
    nowMs: clock.now(),
    server: context.server,
    serverVersion: version.gitVersion,
    ...{ authorityPem: context.caPem, clientAuthorityPem },
    certificates: [...(server ? [server] : []), ...(own ?? []), ...(bundles ?? [])],
    serverNameProblem: server && serverNameProblem(server, context),
    clusterInfoAgrees: info,
    tokens,
    rbac: roles && bindings && { roles, bindings },
    requests,
    nodes,
    leaders: leaders && new Map(leaders.map((lease) => [lease.metadata?.name ?? '', lease])),
    dns,
    ...{ apiServers, proxyClusterCidr, accountKeys },
    apiServices,
    hosts: [],
    notSeen,
  };
}

async function listAll<T extends KubeObject>(
  client: Client,
  kind: ResourceKind,
  namespace: string | undefined,
  options: ListOptions,
): Promise<T[]> {
  const items: T[] = [];
  for await (const page of listPages(client.resource<T>(kind, namespace), options)) items.push(...page.items);
  return items;
}

interface WithBundles extends KubeObject {
  readonly webhooks?: readonly { readonly name?: string; readonly clientConfig?: { readonly caBundle?: string } }[];
  readonly spec?: { readonly caBundle?: string };
}

async function collectBundles(list: Lister): Promise<SeenCertificate[]> {
  const [validating, mutating, services, system] = await Promise.all([
    list<WithBundles>(KINDS.validating),
    list<WithBundles>(KINDS.mutating),
    list<WithBundles>(KINDS.apiServices),
    list<V1ConfigMap>(KINDS.configMaps, 'kube-system', { fieldSelector: 'metadata.name=extension-apiserver-authentication' }),
  ]);
  const webhooks = [...validating, ...mutating].flatMap(({ metadata, webhooks: hooks = [] }) =>
    hooks.map(({ name, clientConfig }) => ({ where: `webhook ${metadata?.name}/${name}`, bundle: clientConfig?.caBundle })),
  );
  const extensions = services.map(({ metadata, spec }) => ({ where: `APIService ${metadata?.name}`, bundle: spec?.caBundle }));
  const encoded = [...webhooks, ...extensions].flatMap(({ where, bundle }) =>
    bundle ? readable(where, Buffer.from(bundle, 'base64')) : [],
  );
  const authorities = Object.entries(system[0]?.data ?? {}).filter(([key]) => key.endsWith('ca-file'));
  return [...encoded, ...authorities.flatMap(([key, pem]) => readable(`extension-apiserver-authentication ${key}`, pem))];
}

interface ApiService extends KubeObject {
  readonly spec?: { readonly service?: { readonly namespace?: string; readonly name?: string } };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type?: string;
      readonly status?: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

async function readApiServices(list: Lister): Promise<SeenApiService[]> {
  const services = await list<ApiService>(KINDS.apiServices);
  return services.flatMap(({ metadata, spec, status }) => {
    if (!spec?.service) return [];
    const condition = status?.conditions?.find(({ type }) => type === 'Available');
    const reason = condition ? `${condition.reason ?? ''}: ${condition.message ?? ''}` : 'nobody has looked yet';
    const service = `${spec.service.namespace}/${spec.service.name}`;
    return [{ name: metadata?.name ?? '', service, available: condition?.status !== 'False', reason }];
  });
}

async function readApiServers(list: Lister): Promise<string[]> {
  const found = await list<V1Endpoints>(KINDS.endpoints, 'default', { fieldSelector: 'metadata.name=kubernetes' });
  return found.flatMap(({ subsets }) => (subsets ?? []).flatMap(({ addresses }) => (addresses ?? []).map(({ ip }) => ip)));
}

/** As every API server tells those behind it. */
async function readClientAuthority(client: Client): Promise<string | undefined> {
  const maps = client.resource<V1ConfigMap>(KINDS.configMaps, 'kube-system');
  const map = await unlessReason(maps.get('extension-apiserver-authentication'), 'NotFound');
  return map?.data?.['client-ca-file'];
}

/** As kubeadm keeps it. */
async function readProxyClusterCidr(client: Client): Promise<string | undefined> {
  const map = await unlessReason(client.resource<V1ConfigMap>(KINDS.configMaps, 'kube-system').get('kube-proxy'), 'NotFound');
  return /^clusterCIDR:[ \t]*["']?([0-9a-fA-F:.,/]+)["']?[ \t]*$/m.exec(map?.data?.['config.conf'] ?? '')?.[1];
}

/** A bundle that cannot be read is its owner's trouble; the others are to be told of all the same. */
function readable(where: string, pem: string | Uint8Array): SeenCertificate[] {
  try {
    return seenInPem(where, pem);
  } catch {
    return [];
  }
}

async function readTokens(list: Lister) {
  const secrets = await list<V1Secret>(KINDS.secrets, 'kube-system', { fieldSelector: 'type=bootstrap.kubernetes.io/token' });
  return secrets.map(readToken);
}

/** Whether whoever joins by cluster-info trusts the same authority; undefined when there is none. */
async function readClusterInfo(client: Client, { caPem }: ResolvedContext): Promise<boolean | undefined> {
  const map = await unlessReason(client.resource<V1ConfigMap>(KINDS.configMaps, 'kube-public').get('cluster-info'), 'NotFound');
  const text = map?.data?.['kubeconfig'];
  if (!text || !caPem) return undefined;
  const { clusters } = await parseKubeconfig(text, '/');
  const encoded = clusters[0]?.cluster['certificate-authority-data'];
  if (!encoded) return undefined;
  const keys = (certificates: readonly SeenCertificate[]) =>
    certificates
      .map(({ subject, notAfterMs }) => `${subject} ${notAfterMs}`)
      .sort()
      .join('\n');
  return keys(seenInPem('', Buffer.from(encoded, 'base64'))) === keys(seenInPem('', caPem));
}
