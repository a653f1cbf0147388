import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import type { ProxyPlan } from '../plan/proxy-plan.ts';

/** A UDP flow that the kernel tracks: where its sender meant to go, and who answers. */
export interface UdpFlow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly port: number;
  readonly replySource: string;
}

/** Reads what `conntrack -L -p udp` prints: each line tells the original direction, then the reply's. */
export function parseFlows(text: string): UdpFlow[] {
  return text.split('\n').flatMap((line) => {
    const values = (name: string) => [...line.matchAll(new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'g'))].map(([, value]) => value!);
    const [source, replySource] = values('src');
    const [destination] = values('dst');
    const [sourcePort] = values('sport');
    const [port] = values('dport');
    if (!source || !replySource || !destination || !port) return [];
    return { source, sourcePort: Number(sourcePort), destination, port: Number(port), replySource };
  });
}

/**
 * Flows to a Service's address that are answered by nobody of its endpoints: a client that keeps its port would talk to a pod that has
 * gone for as long as it sends. Those of Services without endpoints are left alone, as upstream does. Pure.
 */
export function staleFlows(flows: readonly UdpFlow[], plan: ProxyPlan): UdpFlow[] {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const { port, cluster, local } of plan.ports) {
    if (port.protocol !== 'udp') continue;
    const endpoints = new Set([...cluster, ...local].map(({ ip }) => ip));
    if (endpoints.size === 0) continue;
    for (const ip of [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps])
      byAddress.set(`${ip} ${port.port}`, endpoints);
    if (port.nodePort) byNodePort.set(port.nodePort, endpoints);
  }
  return flows.filter(({ destination, port, replySource }) => {
    const endpoints = byAddress.get(`${destination} ${port}`) ?? byNodePort.get(port);
    return endpoints !== undefined && !endpoints.has(replySource);
  });
}

/** Removes the flows that are stale after a plan has been written. */
export async function removeStaleFlows(plan: ProxyPlan, run: RunProgram, logger: Logger): Promise<void> {
  if (!plan.ports.some(({ port, cluster, local }) => port.protocol === 'udp' && cluster.length + local.length > 0)) return;
  const family = plan.settings.family === 4 ? 'ipv4' : 'ipv6';
  const { stdout } = await run('conntrack', ['-L', '-p', 'udp', '-f', family]);
  for (const { source, sourcePort, destination, port } of staleFlows(parseFlows(stdout), plan)) {
    const about = [...['-s', source, '--sport', String(sourcePort)], ...['-d', destination, '--dport', String(port)]];
    try {
      await run('conntrack', ['-D', '-p', 'udp', '-f', family, ...about]);
      logger.debug(2, 'Removed a stale UDP flow', { source, destination, port });
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof ProgramError && /0 flow entries have been deleted/.test(error.stderr))) throw error;
    }
  }
}
