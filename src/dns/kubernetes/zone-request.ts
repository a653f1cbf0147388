/** What a name below a cluster's zone asks for. */
export interface ZoneRequest {
  readonly kind: 'svc' | 'pod' | '';
  readonly namespace: string;
  readonly service: string;
  /** `<endpoint>.<service>.…` */
  readonly endpoint: string;
  /** Of `_<port>._<protocol>.<service>.…`, without underscores; empty: any. */
  readonly port: string;
  readonly protocol: string;
}

const NOTHING: ZoneRequest = { kind: '', namespace: '', service: '', endpoint: '', port: '', protocol: '' };

/**
 * Takes a name of the cluster's schema apart (https://github.com/kubernetes/dns/blob/master/docs/specification.md).
 *
 * @param name in lower case, within the zone
 * @returns undefined for what can never be a name of a cluster
 */
export function parseZoneRequest(name: string, zone: string): ZoneRequest | undefined {
  const base = zone === '.' ? name.slice(0, -1) : name.slice(0, name.length - zone.length - 1);
  if (name.length === zone.length || base === '') return NOTHING;
  const labels = base.split('.');
  const kind = labels.pop();
  if (kind !== 'svc' && kind !== 'pod') return undefined;
  const [namespace = '', service = '', ...rest] = labels.reverse();
  const request = { ...NOTHING, kind, namespace, service } as const;
  if (rest.length === 0) return request;
  if (rest.length === 1) return { ...request, endpoint: rest[0]! };
  if (rest.length === 2) return { ...request, protocol: withoutUnderscore(rest[0]!), port: withoutUnderscore(rest[1]!) };
  return undefined;
}

const withoutUnderscore = (label: string) => (label.startsWith('_') ? label.slice(1) : label);

/** The address of `10-1-2-3` or `fd00--1`; anything for a label that says none. */
export function addressOfPodLabel(label: string): string {
  return /^[^-]+(-[^-]+){3}$/.test(label) ? label.replaceAll('-', '.') : label.replaceAll('-', ':');
}
