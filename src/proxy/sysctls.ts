import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGoDuration } from '../std/go-duration.ts';
import type { Logger } from '../std/logger.ts';
import type { KubeProxyConfiguration } from './configuration/kube-proxy-configuration.ts';
import type { ProxyMode } from './rule-backend.ts';

/** A setting of the kernel by its path below /proc/sys. */
export interface SysctlPlan {
  readonly path: string;
  readonly value: number;
}

export interface SysctlInput {
  readonly mode: ProxyMode;
  readonly cpus: number;
  /** As uname(1) prints it: `6.1.0-18-amd64`. */
  readonly kernelRelease: string;
}

/** The kernel's settings that the configuration asks for; 0 leaves one as it is. Pure. */
export function planSysctls(
  { conntrack, iptables, ipvs }: KubeProxyConfiguration,
  { mode, cpus, kernelRelease }: SysctlInput,
): SysctlPlan[] {
  const tracking = 'net/netfilter/nf_conntrack';
  const seconds = (text: string) => Math.floor(parseGoDuration(text) / 1000);
  const wanted: SysctlPlan[] = [
    { path: `${tracking}_max`, value: conntrack.maxPerCore > 0 ? Math.max(conntrack.maxPerCore * cpus, conntrack.min) : 0 },
    { path: `${tracking}_tcp_timeout_established`, value: seconds(conntrack.tcpEstablishedTimeout) },
    { path: `${tracking}_tcp_timeout_close_wait`, value: seconds(conntrack.tcpCloseWaitTimeout) },
    { path: `${tracking}_tcp_be_liberal`, value: conntrack.tcpBeLiberal ? 1 : 0 },
    { path: `${tracking}_udp_timeout`, value: seconds(conntrack.udpTimeout) },
    { path: `${tracking}_udp_timeout_stream`, value: seconds(conntrack.udpStreamTimeout) },
    // Answers from a pod to 127.0.0.1 are martians otherwise.
    { path: 'net/ipv4/conf/all/route_localnet', value: mode === 'iptables' && iptables.localhostNodePorts ? 1 : 0 },
  ];
  return [
    ...wanted.filter(({ value }) => value > 0),
    ...(mode === 'ipvs' ? ipvsSysctls({ strictARP: ipvs.strictARP, kernelRelease }) : []),
  ];
}

function ipvsSysctls({ strictARP, kernelRelease }: { strictARP: boolean; kernelRelease: string }): SysctlPlan[] {
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  // From 5.9 on a client's port that is used again is led to a new server without a second's delay.
  const isDelayed = major < 5 || (major === 5 && minor < 9);
  return [
    // For masquerading what IPVS has led on.
    { path: 'net/ipv4/vs/conntrack', value: 1 },
    ...(isDelayed ? [{ path: 'net/ipv4/vs/conn_reuse_mode', value: 0 }] : []),
    // Connections to a server that has gone end, and clients that were bound to one that goes are free.
    { path: 'net/ipv4/vs/expire_nodest_conn', value: 1 },
    { path: 'net/ipv4/vs/expire_quiescent_template', value: 1 },
    { path: 'net/ipv4/ip_forward', value: 1 },
    // Nobody on the link is told that the addresses of Services are here.
    ...(strictARP
      ? [
          { path: 'net/ipv4/conf/all/arp_ignore', value: 1 },
          { path: 'net/ipv4/conf/all/arp_announce', value: 2 },
        ]
      : []),
  ];
}

/** Sets them where that is permitted; what cannot be set is told and not fatal, since a container may have them read-only. */
export async function applySysctls(plan: readonly SysctlPlan[], logger: Logger, root = '/proc/sys'): Promise<void> {
  for (const { path, value } of plan) {
    const file = join(root, path);
    try {
      if ((await readFile(file, 'utf8')).trim() === String(value)) continue;
      await writeFile(file, String(value));
      logger.info('Set sysctl', { entry: path, value });
    } catch (error) {
      logger.warn('Failed to set sysctl', { entry: path, value, error });
    }
  }
}

/** How readily the kernel ends this process when memory runs out. */
export async function applyOomScore(value: number, logger: Logger): Promise<void> {
  try {
    await writeFile('/proc/self/oom_score_adj', String(value));
  } catch (error) {
    logger.info('Failed to apply OOMScore', { value, error });
  }
}
