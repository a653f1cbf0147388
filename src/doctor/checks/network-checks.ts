/** The pods' network as its several parts were told it. */
import { isInside, parseCidr } from '../../api/machinery/ip.ts';
import type { Finding } from '../finding.ts';
import type { Observations } from '../observations.ts';
import type { Check } from './check.ts';

interface Told {
  /** `kube-proxy of m1`. */
  readonly who: string;
  readonly ranges: readonly string[];
}

/** kube-proxy takes what is outside its `clusterCIDR` for strangers, and masquerades what pods say to each other. */
export const checkPodNetwork: Check = (seen) => {
  const proxies = toldOfProxies(seen);
  const managers = told(seen, 'kube-controller-manager', () => undefined);
  const ranges = (seen.nodes ?? []).flatMap(({ node }) =>
    [...new Set([...(node.spec?.podCIDRs ?? []), ...(node.spec?.podCIDR ? [node.spec.podCIDR] : [])])].map((range) => ({
      who: `node/${node.metadata?.name}`,
      range,
    })),
  );
  const pods = [...ranges, ...managers.flatMap(({ who, ranges: own }) => own.map((range) => ({ who, range })))];
  return proxies.flatMap((proxy): Finding[] => {
    const outside = pods.filter(({ range }) => isOutside(range, proxy.ranges));
    if (outside.length === 0) return [];
    return [
      {
        ...{ code: 'DOC-813', severity: 'error', subject: `clustercidr/${proxy.who}` },
        message:
          'kube-proxy was told another network of pods than the cluster has: it takes pods for strangers and hides who they are.',
        evidence: `clusterCIDR ${proxy.ranges.join(',')}; ${outside
          .slice(0, 3)
          .map(({ who, range }) => `${who} ${range}`)
          .join(', ')}${outside.length > 3 ? ` and ${outside.length - 3} more` : ''}`,
        remedy: 'set clusterCIDR of kube-proxy to --cluster-cidr of kube-controller-manager, the range of the network add-on',
      },
    ];
  });
};

function toldOfProxies(seen: Observations): Told[] {
  const ofHosts = told(seen, 'kube-proxy', (host) => host.proxyFile?.settings['clusterCIDR']);
  const { proxyClusterCidr } = seen;
  return proxyClusterCidr
    ? [...ofHosts, { who: 'configmap/kube-system/kube-proxy', ranges: proxyClusterCidr.split(',') }]
    : ofHosts;
}

function told({ hosts }: Observations, component: string, inFile: (host: Observations['hosts'][number]) => unknown): Told[] {
  return hosts.flatMap((host) => {
    const unit = host.units.find((candidate) => candidate.component === component);
    const value = unit?.flags.get('cluster-cidr') || inFile(host);
    if (!unit || typeof value !== 'string' || value === '') return [];
    return [{ who: `${component} of ${host.hostName}`, ranges: value.split(',') }];
  });
}

/** Of no range of its family; what cannot be read, or is of a family of which nothing was told, is not judged. */
function isOutside(range: string, ranges: readonly string[]): boolean {
  const own = parseCidr(range);
  const same = ranges.flatMap((text) => parseCidr(text) ?? []).filter(({ address }) => address.family === own?.address.family);
  return (
    own !== undefined && same.length > 0 && !same.some((whole) => isInside(own.address, whole) && own.length >= whole.length)
  );
}
