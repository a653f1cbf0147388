import { CodedError } from '../../std/coded-error.ts';
import { fnv32a } from '../../std/fnv-hash.ts';
import { type CpuSet, formatCpuSet, parseCpuSet } from './cpu-set.ts';

/** Who has which CPUs. */
export interface CpuAssignments {
  /** For all containers that have none of their own. */
  readonly shared: CpuSet;
  /** By the pod's uid and the container's name. */
  readonly exclusive: ReadonlyMap<string, ReadonlyMap<string, CpuSet>>;
}

/**
 * `cpu_manager_state` as upstream's kubelet reads and writes it (pkg/kubelet/cm/cpumanager/state), so that either can take over a node from
 * the other.
 */
export function encodeCpuCheckpoint(policyName: string, { shared, exclusive }: CpuAssignments): string {
  const entries: Record<string, Record<string, string>> = Object.create(null);
  for (const [uid, containers] of exclusive) {
    const lists = [...containers].map(([name, cpus]) => [name, formatCpuSet(cpus)] as const);
    entries[uid] = Object.fromEntries(lists.sort(byName));
  }
  const defaultCpuSet = formatCpuSet(shared);
  const sorted = Object.entries(entries).sort(byName);
  return JSON.stringify({
    policyName,
    defaultCpuSet,
    ...(sorted.length > 0 && { entries: Object.fromEntries(sorted) }),
    checksum: checksumOf(policyName, defaultCpuSet, sorted),
  });
}

/**
 * Reads such a file; lists are as they stand there, whether they make sense on this machine is for the caller to say.
 *
 * @throws CodedError `CPU_MANAGER` in upstream's words when it is damaged or of another policy
 */
export function decodeCpuCheckpoint(text: string, policyName: string, path: string): CpuAssignments {
  const found = parse(text);
  if (found.checksum !== 0 && found.checksum !== checksumOf(found.policyName, found.defaultCpuSet, found.entries))
    throw corrupt('checkpoint is corrupted');
  if (found.policyName !== policyName)
    throw corrupt(
      `configured policy ${JSON.stringify(policyName)} differs from state checkpoint policy ${JSON.stringify(found.policyName)}, please drain this node and delete the CPU manager checkpoint file ${JSON.stringify(path)} before restarting Kubelet`,
    );
  const exclusive = new Map<string, ReadonlyMap<string, CpuSet>>();
  for (const [uid, containers] of found.entries) {
    const sets = Object.entries(containers).map(([name, list]): [string, CpuSet] => [
      name,
      cpusOf(
        list,
        `could not parse cpuset ${JSON.stringify(list)} for container ${JSON.stringify(name)} in pod ${JSON.stringify(uid)}`,
      ),
    ]);
    exclusive.set(uid, new Map(sets));
  }
  const shared = cpusOf(found.defaultCpuSet, `could not parse default cpu set ${JSON.stringify(found.defaultCpuSet)}`);
  return { shared, exclusive };
}

type Entries = [uid: string, containers: Record<string, string>][];

function parse(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt((error as Error).message);
  }
  if (!isRecord(value)) throw corrupt('checkpoint is corrupted');
  const { policyName, defaultCpuSet, entries = {}, checksum = 0 } = value;
  const wellFormed =
    typeof policyName === 'string' &&
    typeof defaultCpuSet === 'string' &&
    typeof checksum === 'number' &&
    isRecord(entries) &&
    Object.values(entries).every((lists) => isRecord(lists) && Object.values(lists).every((list) => typeof list === 'string'));
  if (!wellFormed) throw corrupt('checkpoint is corrupted');
  return { policyName, defaultCpuSet, checksum, entries: Object.entries(entries).sort(byName) as Entries };
}

/** FNV-1a of 32 bits over what Go's dump of the structure looks like, its checksum being 0. */
function checksumOf(policyName: string, shared: string, entries: Readonly<Entries>): number {
  const pods = entries.map(([uid, containers]) => {
    const lists = Object.entries(containers).sort(byName);
    return `${uid}:map[${lists.map(([name, list]) => `${name}:${list}`).join(' ')}]`;
  });
  const dump = `(*state.CPUManagerCheckpoint){PolicyName:(string)${policyName} DefaultCPUSet:(string)${shared} Entries:(map[string]map[string]string)map[${pods.join(' ')}] Checksum:(checksum.Checksum)0}`;
  return fnv32a(dump);
}

function cpusOf(list: string, what: string): CpuSet {
  try {
    return parseCpuSet(list);
  } catch (error) {
    throw corrupt(`${what}: ${(error as Error).message}`);
  }
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const corrupt = (why: string) => new CodedError(`could not restore state from checkpoint: ${why}`, { code: 'CPU_MANAGER' });
