import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { clusterDnsSteps } from './cluster-dns.ts';
import { controlPlaneSteps } from './control-plane.ts';
import { type EtcdBeginning, etcdSteps } from './etcd.ts';
import { inPhase, textFile } from './files.ts';
import { loadBalancerSteps, ownBalancerSteps } from './load-balancer.ts';
import { nodeSteps } from './node.ts';
import { packageSteps } from './packages.ts';
import { podNetworkSteps } from './pod-network.ts';
import { preparationSteps } from './preparation.ts';
import { executableFile, programSteps } from './program-files.ts';
import { ACL_PACKAGE, ACL_PROGRAM, programsOf } from './programs.ts';
import { PHASES, type Step } from './step.ts';

/** What only the host itself can tell. */
export interface HostKnowledge {
  /** Kernel parameters that it has, and that may be written. */
  readonly sysctls: ReadonlySet<string>;
  /** The network device that has its address; undefined until it was looked at. */
  readonly device: string | undefined;
  /** Its kernel lets nobody change how many connections it follows. */
  readonly fixedConntrack?: boolean;
  /** Which of the programs that it needs it has; undefined until it was looked at. */
  readonly programs?: ReadonlySet<string>;
  /** How its member of etcd began, or is to begin; undefined: with all of the inventory. */
  readonly etcd?: EtcdBeginning;
}

/**
 * All that one host is to be, in order. Depends on nothing but what is given.
 *
 * @param knowledge what a host has to be asked for
 */
export function desiredSteps(
  inventory: Inventory,
  host: InventoryHost,
  material: Material,
  { sysctls, device, programs, etcd, fixedConntrack = false }: HostKnowledge,
): Step[] {
  const executable = executableFile(inventory, material);
  const listPrograms = accessListPrograms(inventory, host, material);
  const hasLists = inventory.preparation.acl === 'apply' && (programs?.has(ACL_PROGRAM) !== false || listPrograms.length > 0);
  const steps = [
    ...packageSteps(new Map([...programsOf(inventory, host), ...listPrograms]), material.packages, programs),
    ...preparationSteps(inventory, host, sysctls),
    ...programSteps(inventory, host, material),
    ...librarySteps(host, material),
    ...etcdSteps(inventory, host, material, etcd),
    ...loadBalancerSteps(inventory, host, device),
    ...ownBalancerSteps(inventory, host, executable),
    ...controlPlaneSteps(inventory, host, material, hasLists),
    ...clusterDnsSteps(inventory, host, material, executable),
    ...nodeSteps(inventory, host, material, fixedConntrack),
    ...podNetworkSteps(inventory, host, material, executable),
  ];
  const seen = new Set<string>();
  const unique = steps.filter((step) => {
    // A host that is both master and worker is told of some files twice.
    const key = step.type === 'file' ? step.path : undefined;
    if (key === undefined) return true;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
  return PHASES.flatMap((phase) => unique.filter((step) => step.phase === phase));
}

/** What makes access lists, with its package: of use where it is and needed nowhere, so that it is installed where a bundle has it. */
function accessListPrograms({ preparation }: Inventory, { roles }: InventoryHost, { packages }: Material) {
  const isBundled = packages.some(({ name }) => name === ACL_PACKAGE);
  return preparation.acl === 'apply' && roles.includes('master') && isBundled ? [[ACL_PROGRAM, ACL_PACKAGE] as const] : [];
}

const LIBRARY_DIRECTORY = '/usr/lib/muster';

/** Where the dynamic linker looks because its configuration says so. */
function librarySteps({ roles }: InventoryHost, { libraries }: Material): Step[] {
  if (libraries.size === 0 || (!roles.includes('master') && !roles.includes('worker'))) return [];
  return inPhase('install', [
    ...[...libraries].map(([name, content]) => ({ ...textFile(`${LIBRARY_DIRECTORY}/${name}`, ''), mode: 0o755, content })),
    textFile('/etc/ld.so.conf.d/muster.conf', `${LIBRARY_DIRECTORY}\n`),
    ...[...libraries.keys()].map((library) => ({ type: 'library-cache', library }) as const),
  ]);
}
