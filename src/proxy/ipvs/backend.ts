import type { Family } from '../../api/machinery/ip.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import { createIptablesTables } from '../iptables/tables.ts';
import { cidrHolds } from '../plan/service-port.ts';
import type { RuleBackend } from '../rule-backend.ts';
import {
  changeAddresses,
  makeDevice,
  readDeviceAddresses,
  readVirtualServers,
  removeDevice,
  restoreServers,
  restoreSets,
} from './kernel.ts';
import { ownServices } from './own-services.ts';
import { type IpvsState, renderIpvs } from './render.ts';
import { additionsText, destructionText, parseSets, removalsText, SET_NAMES } from './sets.ts';
import { deletionOf, losesServers, planVirtualServers, type VirtualServers, withoutServers } from './virtual-servers.ts';

export interface IpvsOptions {
  readonly family: Family;
  readonly run: RunProgram;
  readonly logger: Logger;
  readonly scheduler: string;
  /** Services at these addresses are somebody else's, whatever they look like. */
  readonly excludeCidrs: readonly string[];
  /** Of this machine's interfaces without `kube-ipvs0`. */
  readonly hostAddresses: () => readonly string[];
}

/** So many refusals are told. */
const TOLD = 3;

/** What the kernel has of ours besides rules. */
type KernelState = Omit<IpvsState, 'rules' | 'fullSets'>;

/** Services in the kernel's IPVS tables, with what leads packets there: addresses of a device, sets and rules. */
export function createIpvsBackend(options: IpvsOptions): RuleBackend {
  const { family, run, logger, scheduler, excludeCidrs, hostAddresses } = options;
  const tables = createIptablesTables({ family, run });
  let last: KernelState | undefined;
  let saidFull = false;
  /** Servers that wait for their last connection to end: the kernel is asked about them with each sync. */
  let draining: ReadonlySet<string> = new Set();

  const isExcluded = (ip: string) => excludeCidrs.some((range) => cidrHolds(range, ip));

  async function readState(wanted?: VirtualServers): Promise<KernelState> {
    const addresses = (await readDeviceAddresses(run, family)) ?? new Set<string>();
    const sets = parseSets((await run('ipset', ['save'])).stdout, family);
    const marks = { addresses, sets, isExcluded, hostAddresses: hostAddresses(), ...(wanted && { wanted }) };
    return { addresses, sets, services: ownServices(await readVirtualServers(run, family), marks) };
  }

  /** What the kernel has, from what was written last: asked anew where connections matter. */
  async function stateAfter(previous: KernelState, next: VirtualServers): Promise<KernelState> {
    if (draining.size === 0 && !losesServers(previous.services, next)) return previous;
    const all = await readVirtualServers(run, family);
    return { ...previous, services: new Map([...all].filter(([key]) => previous.services.has(key))) };
  }

  async function tellRefused(wanted: VirtualServers, refusals: readonly string[]): Promise<void> {
    const all = await readVirtualServers(run, family);
    const ours = new Map([...all].filter(([key]) => wanted.has(key)));
    const { changes } = planVirtualServers(withoutServers(ours, draining), wanted);
    logger.warn('IPVS does not take what is wanted; it is tried again with the next sync', {
      ...{ said: refusals.slice(0, TOLD).join('; '), refused: changes.length, first: changes.slice(0, TOLD).join('; ') },
    });
  }

  return {
    name: 'ipvs',
    async sync(plan, { full, signal }) {
      const next = renderIpvs(plan, { scheduler, hostAddresses: hostAddresses() });
      const previous = full ? undefined : last;
      if (next.fullSets.size > 0 && !saidFull)
        logger.warn('Services ask for more than IPVS has room for; some are not led as they say', { sets: [...next.fullSets] });
      saidFull = next.fullSets.size > 0;
      // After a failure nobody knows what the kernel has, until it was read once more.
      last = undefined;
      if (!previous && !(await readDeviceAddresses(run, family))) await makeDevice(run, family);
      const current = previous ? await stateAfter(previous, next.services) : await readState(next.services);
      const servers = planVirtualServers(current.services, next.services);
      // Sets come first: rules name them, and a later run knows by them what is ours.
      await restoreSets(run, additionsText(current.sets, next.sets, family), signal);
      const { tables: written } = await tables.write(next.rules, { full: !previous, signal });
      // A service stands before its address does, and goes after it: nobody comes to the node's own port of that number.
      const refusals = [...(await restoreServers(run, servers.changes, signal))];
      await changeAddresses(run, 'replace', without(next.addresses, current.addresses), signal);
      await changeAddresses(run, 'delete', without(current.addresses, next.addresses), signal);
      refusals.push(...(await restoreServers(run, servers.deletions, signal)));
      await restoreSets(run, removalsText(current.sets, next.sets, family), signal);
      draining = servers.draining;
      // One server that the kernel does not take, a broadcast address for one, keeps nothing from the others; all is read again next time.
      if (refusals.length > 0) await tellRefused(next.services, refusals);
      else last = next;
      return { full: !previous, tables: written };
    },
    async isIntact() {
      // Then the next sync reads and compares everything by itself.
      if (!last) return true;
      if (!(await tables.areIntact())) return false;
      const now = await readState(last.services);
      const { changes, deletions } = planVirtualServers(withoutServers(now.services, draining), last.services);
      const wanted = last.sets;
      return (
        changes.length + deletions.length === 0 &&
        isSame(now.addresses, last.addresses) &&
        SET_NAMES.every((name) => isSame(now.sets.get(name), wanted.get(name)!))
      );
    },
    async cleanUp() {
      last = undefined;
      // What is made first and removed last: without it no run has been here since the machine started.
      if ((await readDeviceAddresses(run, family)) === undefined) return;
      const { services, sets, addresses } = await readState();
      await tables.cleanUp();
      await changeAddresses(run, 'delete', [...addresses]);
      const refusals = await restoreServers(run, [...services.values()].map(deletionOf));
      if (refusals.length > 0)
        logger.warn('Some IPVS services could not be removed', { said: refusals.slice(0, TOLD).join('; ') });
      await restoreSets(run, destructionText(sets.keys(), family));
      // Both families have the one device, and that of IPv4 is cleaned up last.
      if (family === 4) await removeDevice(run);
    },
  };
}

const without = (all: ReadonlySet<string>, others: ReadonlySet<string>): string[] => [...all].filter((one) => !others.has(one));

const isSame = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string>): boolean =>
  a !== undefined && a.size === b.size && [...a].every((one) => b.has(one));
