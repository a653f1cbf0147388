/** For tests: an inventory and what belongs to it, without a single key. */
import type { Inventory } from '../api/config/v1/inventory.ts';
import type { AuthorityPair, Material } from './assets/material.ts';
import { contentOf, type Step } from './desired/step.ts';
import type { HostFacts } from './facts/facts.ts';
import { readInventory } from './inventory/read-inventory.ts';

export const testInventory = (more: Readonly<Record<string, unknown>> = {}): Promise<Inventory> =>
  readInventory(
    JSON.stringify({
      apiVersion: 'config.muster.dev/v1',
      kind: 'Inventory',
      hosts: ['a', 'b', 'c'].map((name, i) => ({ name, address: `192.168.20.3${i + 1}`, roles: ['etcd', 'master', 'worker'] })),
      ...more,
    }),
  );

const pair = (name: string) => ({ certificate: `certificate of ${name}\n`, key: `key of ${name}\n` });
const authority = (name: string): AuthorityPair => ({ ...pair(name), trust: `certificate of ${name}\n`, stage: 'settled' });

export const testMaterial: Material = {
  executable: contentOf('the program'),
  libraries: new Map([['libexample.so.1', contentOf('a library')]]),
  programs: new Map(),
  packages: [],
  authority: authority('the cluster'),
  etcdAuthority: authority('etcd'),
  frontProxyAuthority: authority('the front proxy'),
  serviceAccount: authority('service accounts'),
  encryption: { stage: 'settled', made: 0, forms: [{ provider: 'none' }] },
  admin: pair('admin'),
  pairOf: (host, name) => pair(`${name} on ${host}`),
};

/** A host that is already what `steps` say. */
export function factsThatFit(steps: readonly Step[]): HostFacts {
  const facts = {
    ...{ hostname: 'a', machineId: 'f'.repeat(32), kernel: '6.1', architecture: 'x86_64', system: 'Debian', init: 'systemd' },
    ...{ cpus: 4, memoryKiB: 4 << 20, diskKiB: 30 << 20, time: 1_800_000_000, selinux: 'none' as const, swaps: 0, fstabSwaps: 0 },
    modules: new Set(['br_netfilter', 'overlay']),
    loadable: new Set<string>(),
    filesystems: new Set(['overlay']),
    ports: new Set<number>(),
    programs: new Set<string>(),
    libraries: new Set<string>(),
    devices: new Map([['192.168.20.31', 'eth0']]),
    files: new Map<string, HostFacts['files'] extends ReadonlyMap<string, infer F> ? F : never>(),
    units: new Map<string, { load: string; active: string; enabled: string; fingerprint: string }>(),
    sysctls: new Map<string, { value: string; writable: boolean }>(),
    accounts: new Map<string, { uid: number; gid: number }>(),
    holders: { passwd: new Map<number, string>(), group: new Map<number, string>() },
    certificates: new Map<string, string>(),
  };
  for (const step of steps) {
    if (step.type === 'directory') facts.files.set(step.path, step);
    else if (step.type === 'link') facts.files.set(step.path, step);
    else if (step.type === 'file') {
      const { mode, owner, group, content, reader } = step;
      const is = { mode, owner, group, sizeBytes: content.bytes.length, sha256: content.sha256, ...(reader && { reader }) };
      facts.files.set(step.path, { type: 'file', ...is });
    } else if (step.type === 'unit')
      facts.units.set(step.name, { load: 'loaded', active: 'active', enabled: 'enabled', fingerprint: step.fingerprint });
    else if (step.type === 'running')
      facts.units.set(step.name, { load: 'loaded', active: 'active', enabled: 'enabled', fingerprint: '' });
    else if (step.type === 'sysctl') facts.sysctls.set(step.key, { value: step.value, writable: true });
    else if (step.type === 'account') facts.accounts.set(step.name, { uid: step.id ?? 999, gid: step.id ?? 999 });
    else if (step.type === 'library-cache') facts.libraries.add(step.library);
  }
  return facts;
}
