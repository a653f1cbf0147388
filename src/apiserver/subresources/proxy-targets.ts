import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { podKind } from '../../api/core/v1/pod.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Pod, V1Service } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import type { Dial } from '../../client/transport/https.ts';
import type { ObjectReader } from '../contracts.ts';
import type { Backend, BackendTrust } from '../proxying/backend.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { Kubelets } from './kubelets.ts';
import { type ProxyName, parseProxyName } from './proxy-name.ts';
import { type AddressCheck, addressNotAllowed } from './proxyable-address.ts';

export interface ProxyTargetDeps {
  readonly pod: KindDefinition;
  readonly service: KindDefinition;
  readonly objects: ObjectStore;
  readonly reader: ObjectReader;
  readonly kubelets: Kubelets;
  readonly isProxyable: AddressCheck;
  /** Of pods and endpoints: one object, by which connections are shared. */
  readonly trust: BackendTrust;
  readonly random: () => number;
}

/** Upstream trusts whoever answers at the address: pods have no certificates that this server could check. */
export const proxyTrust = (dial: Dial | undefined): BackendTrust => ({
  insecureSkipTlsVerify: true,
  connectTimeoutMs: 30_000,
  ...(dial && { dial }),
});
const SERVICE_NAME = 'kubernetes.io/service-name';

/** `pods/{name}/proxy`: the pod's first address and the port asked for, or its first (registry/core/pod/strategy.go, ResourceLocation). */
export async function podTarget(
  { objects, pod: kind, isProxyable, trust }: ProxyTargetDeps,
  namespace: string,
  id: string,
): Promise<Backend> {
  const asked = parseProxyName(id, 'pod');
  const { object } = await objects.read({ kind, namespace, name: asked.name });
  const { spec, status } = object as V1Pod;
  const declared = spec?.containers.find(({ ports }) => ports?.length)?.ports?.[0]?.containerPort;
  const address = status?.podIPs?.[0]?.ip ?? status?.podIP ?? '';
  if (!isProxyable(address)) throw addressNotAllowed();
  return backendAt(asked, { host: address, port: asked.port || (declared === undefined ? '' : String(declared)), trust });
}

/**
 * `nodes/{name}/proxy`: the kubelet with this server's certificate or, at another port, whoever listens there without it
 * (registry/core/node/strategy.go, ResourceLocation).
 */
export async function nodeTarget({ kubelets, isProxyable, trust }: ProxyTargetDeps, id: string): Promise<Backend> {
  const asked = parseProxyName(id, 'node');
  const kubelet = await kubelets.of(asked.name);
  if (asked.port === '' || asked.port === String(kubelet.port)) return kubelet;
  // The address that was checked is the one that is called: a name could lead elsewhere the next time.
  const found = isIP(kubelet.host)
    ? [kubelet.host]
    : await lookup(kubelet.host, { all: true }).then(
        (all) => all.map(({ address }) => address),
        () => [],
      );
  const [address] = found;
  if (address === undefined || !found.every(isProxyable)) throw addressNotAllowed();
  return backendAt(asked, { host: address, port: asked.port, trust });
}

/**
 * `services/{name}/proxy`: one of the endpoints that are ready at the port asked for by number or name; pods of the same namespace
 * only, at the addresses that they have (registry/core/service/storage, ResourceLocation).
 */
export async function serviceTarget(deps: ProxyTargetDeps, namespace: string, id: string): Promise<Backend> {
  const { objects, service, reader, isProxyable, random, trust } = deps;
  const asked = parseProxyName(id, 'service');
  const { object } = await objects.read({ kind: service, namespace, name: asked.name });
  const portName = nameOfPort(object as V1Service, asked);
  const slices = (reader.list(endpointSliceKind, namespace) as unknown as V1EndpointSlice[]).filter(
    ({ metadata }) => metadata?.labels?.[SERVICE_NAME] === asked.name,
  );
  const candidates = slices.flatMap(({ ports, endpoints }) => {
    const port = ports?.find(({ name }) => (name ?? '') === portName)?.port;
    if (!port) return [];
    return (endpoints ?? []).flatMap(({ addresses, conditions, targetRef }) => {
      const [address] = addresses;
      if (conditions?.ready === false || address === undefined || !targetRef?.name) return [];
      return targetRef.namespace === namespace ? [{ address, port, pod: targetRef.name }] : [];
    });
  });
  while (candidates.length) {
    const at = Math.floor(random() * candidates.length);
    const { address, port, pod } = candidates[at]!;
    // The last one takes its place: to move all behind it would take long where thousands lead nowhere.
    candidates[at] = candidates.at(-1)!;
    candidates.pop();
    const found = reader.get(podKind, namespace, pod) as V1Pod | undefined;
    const isOwn = found?.status?.podIPs?.some(({ ip }) => ip === address);
    if (isOwn && isProxyable(address)) return backendAt(asked, { host: address, port: String(port), trust });
  }
  throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(id)}`);
}

function nameOfPort({ spec }: V1Service, { name, port }: ProxyName): string {
  if (!/^\d+$/.test(port)) return port;
  const found = spec?.ports?.find((each) => each.port === Number(port));
  if (!found) throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return found.name ?? '';
}

interface Place {
  readonly host: string;
  readonly port: string;
  readonly trust: BackendTrust;
}

function backendAt({ scheme }: ProxyName, { host, port, trust }: Place): Backend {
  const number = port === '' ? (scheme === 'https' ? 443 : 80) : Number(port);
  if (!/^\d{0,5}$/.test(port) || number < 1 || number > 65_535)
    throw serviceUnavailable(`error trying to reach service: dial tcp: lookup tcp/${port}: unknown port`);
  return { scheme, host, port: number, trust };
}
