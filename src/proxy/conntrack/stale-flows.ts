import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import type { ProxyPlan } from '../plan/proxy-plan.ts';

/** A UDP flow that the kernel tracks: where its sender meant to go, and who answers. */
export interface UdpFlow {
  readonly destination: string;
  readonly port: number;
  readonly replySource: string;
}

/** Reads what `conntrack -L -p udp` prints: each line tells the original direction, then the reply's. */
export function parseFlows(text: string): UdpFlow[] {
  return text.split('\n').flatMap((line) => {
    const values = (name: string) => [...line.matchAll(new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'g'))].map(([, value]) => value!);
    const [, replySource] = values('src');
    const [destination] = values('dst');
    const [port] = values('dport');
    if (!replySource || !destination || !port) return [];
    return { destination, port: Number(port), replySource };
  });
}

/** Flows that are removed together: from anybody to a Service's address, answered by one that is none of its endpoints. */
export type StaleFlows = Pick<UdpFlow, 'destination' | 'port' | 'replySource'>;

/**
 * Flows to a Service's address that are answered by nobody of its endpoints: a client that keeps its port would talk to a pod that has
 * gone for as long as it sends. Those of Services without endpoints are left alone, as upstream does. Pure.
 */
export function staleFlows(flows: readonly UdpFlow[], plan: ProxyPlan): StaleFlows[] {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const { port, answering } of plan.ports) {
    if (answering.size === 0) continue;
    for (const ip of [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps])
      byAddress.set(`${ip} ${port.port}`, answering);
    if (port.nodePort) byNodePort.set(port.nodePort, answering);
  }
  const stale = new Map<string, StaleFlows>();
  for (const { destination, port, replySource } of flows) {
    const endpoints = byAddress.get(`${destination} ${port}`) ?? byNodePort.get(port);
    if (endpoints !== undefined && !endpoints.has(replySource))
      stale.set(`${destination} ${port} ${replySource}`, { destination, port, replySource });
  }
  return [...stale.values()];
}

/** Removes the flows that are stale after a plan has been written. */
export async function removeStaleFlows(plan: ProxyPlan, run: RunProgram, logger: Logger): Promise<void> {
  if (!plan.ports.some(({ answering }) => answering.size > 0)) return;
  const family = plan.settings.family === 4 ? 'ipv4' : 'ipv6';
  const { stdout } = await run('conntrack', ['-L', '-p', 'udp', '-f', family]);
  for (const { destination, port, replySource } of staleFlows(parseFlows(stdout), plan)) {
    const about = ['-d', destination, '--dport', String(port), '-r', replySource];
    try {
      await run('conntrack', ['-D', '-p', 'udp', '-f', family, ...about]);
      logger.debug(2, 'Removed stale UDP flows', { destination, port, replySource });
    } catch (error) {
      // They ended meanwhile.
      if (!(error instanceof ProgramError && /0 flow entries have been deleted/.test(error.stderr))) throw error;
    }
  }
}
