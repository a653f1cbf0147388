import type { V1Pod } from '../../../api/gen/types.ts';
import { sysctlName } from '../../runtime/cri/translate/sandbox-config.ts';

/** Kernel parameters that a pod may set for itself alone: the kernel keeps them apart, and they harm nobody else. */
const SAFE: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

function namespaceOf(name: string): 'ipc' | 'net' | undefined {
  if (name.startsWith('net.')) return 'net';
  return /^(kernel\.(sem$|shm|msg)|fs\.mqueue\.)/.test(name) ? 'ipc' : undefined;
}

/**
 * Why a pod may not set a kernel parameter that it asks for: only safe ones and those that the configuration allows
 * (`allowedUnsafeSysctls`: names, or beginnings with `*`), and none of a namespace that the pod shares with the host.
 */
export function sysctlRefusal(
  { spec }: V1Pod,
  allowedUnsafe: readonly string[],
): { reason: string; message: string } | undefined {
  for (const { name: written } of spec?.securityContext?.sysctls ?? []) {
    const name = sysctlName(written);
    const why = refusal(name, spec?.hostNetwork ?? false, spec?.hostIPC ?? false, allowedUnsafe);
    if (why) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} ${why}` };
  }
  return undefined;
}

function refusal(name: string, hostNetwork: boolean, hostIpc: boolean, allowedUnsafe: readonly string[]): string | undefined {
  const allowed =
    SAFE.has(name) ||
    allowedUnsafe.some((pattern) => {
      const plain = sysctlName(pattern);
      return plain.endsWith('*') ? name.startsWith(plain.slice(0, -1)) : name === plain;
    });
  if (!allowed) return 'not allowlisted';
  const namespace = namespaceOf(name);
  const shared = (namespace === 'net' && hostNetwork) || (namespace === 'ipc' && hostIpc);
  return shared ? `not allowed with host ${namespace} enabled` : undefined;
}

/**
 * What of `allowedUnsafeSysctls` cannot be: patterns that end otherwise than a name or `*`, and parameters that no pod has for itself.
 */
export function checkAllowedSysctls(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const name = sysctlName(pattern);
    if (!/^[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*(\*|\.\*)?$/.test(name))
      return [`sysctl ${JSON.stringify(pattern)} must have at most 253 characters and match a sysctl pattern`];
    return namespaceOf(name.replace(/\*$/, '')) ? [] : [`the sysctls ${JSON.stringify(pattern)} are not known to be namespaced`];
  });
}
