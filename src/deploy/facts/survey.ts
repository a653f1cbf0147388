import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { atMost } from '../../std/at-most.ts';
import type { Clock } from '../../std/clock.ts';
import { encryptionPath } from '../desired/encryption.ts';
import { isMember, memberData } from '../desired/etcd.ts';
import { CONNTRACK_LIMIT, KERNEL_LOG, KUBELET_KUBECONFIG, kubeletPair } from '../desired/node.ts';
import { cniFile, NETWORK_SERVICES } from '../desired/pod-network.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import { ACL_PROGRAM, PACKAGE_MANAGER, programsOf } from '../desired/programs.ts';
import type { Step } from '../desired/step.ts';
import { ETCD_LEFT, INSTALLED } from '../journal.ts';
import type { Transport } from '../transport/transport.ts';
import { UPGRADE_MARK } from '../upgrade/upgrade-scripts.ts';
import type { Span } from './clocks.ts';
import type { HostFacts } from './facts.ts';
import { FACTS_SCRIPT, factsInput, type Question } from './facts-script.ts';
import { parseFacts } from './parse-facts.ts';

export const HOSTS_AT_ONCE = 30;
const FACTS_TIMEOUT_MS = 120_000;

export interface Survey {
  readonly facts: ReadonlyMap<string, HostFacts>;
  /** Between when each host told its time, in seconds of this machine's clock. */
  readonly askedAt: ReadonlyMap<string, Span>;
  readonly failures: ReadonlyMap<string, unknown>;
}

export interface SurveyOptions {
  readonly inventory: Inventory;
  readonly transports: ReadonlyMap<string, Transport>;
  /** What each host is to be, with all kernel parameters. */
  readonly desired: ReadonlyMap<string, readonly Step[]>;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Default: all. */
  readonly names?: ReadonlySet<string>;
}

/** Looks at hosts, many at a time, and changes nothing. */
export async function surveyHosts({ inventory, transports, desired, clock, signal, names }: SurveyOptions): Promise<Survey> {
  const facts = new Map<string, HostFacts>();
  const askedAt = new Map<string, Span>();
  const failures = new Map<string, unknown>();
  const hosts = inventory.hosts.filter(({ name }) => names?.has(name) ?? true);
  await atMost(HOSTS_AT_ONCE, hosts, async (host) => {
    try {
      const input = factsInput(questionOf(inventory, host, desired.get(host.name) ?? []));
      const beganMs = clock.now();
      const { stdout } = await transports.get(host.name)!.run(FACTS_SCRIPT, {
        input: [Buffer.from(input)],
        timeoutMs: FACTS_TIMEOUT_MS,
        ...(signal && { signal }),
      });
      askedAt.set(host.name, { from: beganMs / 1000, to: clock.now() / 1000 });
      facts.set(host.name, parseFacts(stdout));
    } catch (error) {
      failures.set(host.name, error);
    }
  });
  return { facts, askedAt, failures };
}

function questionOf(inventory: Inventory, host: InventoryHost, steps: readonly Step[]): Question {
  const files = steps.flatMap((step) => {
    if (step.type === 'directory' || step.type === 'link' || step.type === 'absent') return [{ path: step.path }];
    if (step.type !== 'file') return [];
    const reader = step.reader === undefined ? {} : { reader: step.reader };
    return [
      step.secret || step.mode === 0o755 ? { path: step.path, ...reader } : { path: step.path, sha256: step.content.sha256 },
    ];
  });
  const units = steps.flatMap((step) =>
    step.type === 'unit' || step.type === 'running' || step.type === 'stopped' ? [step.name] : [],
  );
  const joining = host.roles.includes('worker')
    ? [{ path: KUBELET_KUBECONFIG }, { path: cniFile(inventory) }, { path: inventory.kubelet.bootstrapKubeconfig }]
    : [];
  // Of another plugin, too.
  const networks = host.roles.includes('worker') ? Object.values(NETWORK_SERVICES).map((name) => `${name}.service`) : [];
  const keys = host.roles.includes('master') ? [{ path: encryptionPath(inventory) }] : [];
  const members = isMember(host) ? [{ path: memberData(inventory, host) }, { path: ETCD_LEFT }] : [];
  return {
    files: [...files, ...joining, ...keys, { path: KERNEL_LOG }, ...members, { path: INSTALLED }, { path: UPGRADE_MARK }],
    units: [...new Set([...units, ...networks])],
    programs: [...programsOf(inventory, host).keys(), PACKAGE_MANAGER, ACL_PROGRAM],
    libraries: steps.flatMap((step) => (step.type === 'library-cache' ? [step.library] : [])),
    sysctls: [...sysctlsOf(inventory).keys(), CONNTRACK_LIMIT],
    accounts: ['kube', 'etcd'],
    numbers: host.roles.includes('master') ? [inventory.preparation.accountId] : [],
    certificates: host.roles.includes('worker') ? [kubeletPair(inventory, 'client'), kubeletPair(inventory, 'server')] : [],
  };
}
