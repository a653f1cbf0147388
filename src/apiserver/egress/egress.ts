import { pathToFileURL } from 'node:url';
import type { Dial } from '../../client/transport/https.ts';
import { openTunnel } from '../../client/transport/proxy-tunnel.ts';
import type { EgressConfiguration, EgressProxy } from './egress-configuration.ts';

/** How connections leave; absent: directly. */
export interface Egress {
  /** To kubelets, pods, Services and what is behind them. */
  readonly cluster?: Dial;
  /** To webhooks by their URLs. */
  readonly controlPlane?: Dial;
}

export function createEgress({ cluster, controlplane }: EgressConfiguration): Egress {
  return {
    ...(cluster && { cluster: dialThrough(cluster) }),
    ...(controlplane && { controlPlane: dialThrough(controlplane) }),
  };
}

const unixUrl = (path: string) => pathToFileURL(path).href.replace(/^file:/, 'unix:');

const dialThrough =
  (proxy: EgressProxy): Dial =>
  (place, signal) => {
    if ('socketPath' in proxy) return openTunnel(unixUrl(proxy.socketPath), place, { signal });
    const { url, caPem, ...tls } = proxy;
    return openTunnel(url, place, { signal, ...(caPem !== undefined && { caPem, onlyCa: true }), ...tls });
  };
