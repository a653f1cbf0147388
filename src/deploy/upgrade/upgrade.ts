import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { ailingUnits } from '../apply/steady-units.ts';
import { describeUnit } from '../apply/unit-report.ts';
import type { Transport } from '../transport/transport.ts';
import type { HostUpgrade, UpgradePlan } from './upgrade-plan.ts';
import { keepScript, processScript, rollBackScript, snapshotScript } from './upgrade-scripts.ts';

/** What an upgrade does beside the hosts' files. */
export interface UpgradeRun {
  readonly transports: ReadonlyMap<string, Transport>;
  /** Services of ours on a host, as systemd names them. */
  unitsOf(host: HostUpgrade): readonly string[];
  /** Lets no pod onto the node, and resolves when those that were there are gone. */
  drain(host: HostUpgrade): Promise<void>;
  /** The way back of `drain`. */
  release(host: HostUpgrade): Promise<void>;
  /** Makes the host what its plan says. */
  apply(host: HostUpgrade): Promise<void>;
  /** Resolves when what runs on the host serves: its API server, its node. @throws CodedError why it does not, after a time */
  awaitServing(host: HostUpgrade): Promise<void>;
  readonly progress: (line: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const SETTLE_MS = 2_000;
const RUNS_MS = 120_000;

/**
 * Upgrades one host after the other. One that does not serve afterwards is put back to what it was, and that ends it: the others are as they
 * were, upgraded or not. Ended in between, the same call goes on.
 *
 * @throws CodedError UPGRADE_FAILED naming the host, why, and whether it is back; the abort reason
 */
export async function upgradeHosts({ hosts }: UpgradePlan, run: UpgradeRun): Promise<void> {
  for (const [i, host] of hosts.entries()) {
    run.signal.throwIfAborted();
    run.progress(`${host.plan.host}: ${i + 1} of ${hosts.length}`);
    await upgradeHost(host, run);
  }
}

async function upgradeHost(host: HostUpgrade, run: UpgradeRun): Promise<void> {
  const { transports, signal, progress } = run;
  const name = host.plan.host;
  const transport = transports.get(name)!;
  await run.drain(host);
  await transport.run(snapshotScript(), { input: [Buffer.from(host.paths.map((path) => `${path}\n`).join(''))], signal });
  try {
    await run.apply(host);
    await awaitProcesses(host, run);
    await run.awaitServing(host);
  } catch (cause) {
    // Who ends it goes on later.
    signal.throwIfAborted();
    const why = await withLastWords((cause as Error).message, host, run);
    progress(`${name}: ${why}`);
    const back = await putBack(host, run);
    throw new CodedError(`${name} does not run with what is new: ${why}; ${back}`, { code: 'UPGRADE_FAILED', cause });
  }
  await transport.run(keepScript(), { signal });
  await run.release(host);
  progress(`${name}: upgraded`);
}

/** With what the host's services ended by or complain of, unless that says it already. To be asked before they are put back. */
async function withLastWords(why: string, host: HostUpgrade, { transports, unitsOf, signal }: UpgradeRun): Promise<string> {
  try {
    const units = await ailingUnits(transports.get(host.plan.host)!, unitsOf(host), signal);
    const unsaid = units.filter(({ words }) => words === '' || !why.includes(words));
    return [why, ...unsaid.map(describeUnit)].join('; ');
  } catch (error) {
    signal.throwIfAborted();
    return `${why}; its services cannot be asked: ${(error as Error).message}`;
  }
}

/** Answers how that went. */
async function putBack(host: HostUpgrade, run: UpgradeRun): Promise<string> {
  const name = host.plan.host;
  try {
    await run.transports.get(name)!.run(rollBackScript(host.units), { signal: run.signal });
    await awaitProcesses(host, run);
    await run.awaitServing(host);
    await run.release(host);
    return 'it is back at what it was, and serves';
  } catch (error) {
    run.signal.throwIfAborted();
    return `it could not be put back: ${(error as Error).message}`;
  }
}

/** Until all services run, as the same processes for a while, by the program that is there now. */
async function awaitProcesses(host: HostUpgrade, { transports, unitsOf, clock, signal }: UpgradeRun): Promise<void> {
  const script = processScript(unitsOf(host));
  const transport = transports.get(host.plan.host)!;
  const endMs = clock.now() + RUNS_MS;
  let before = '';
  for (;;) {
    const { stdout } = await transport.run(script, { signal });
    const lines = stdout.trim().split('\n').slice(0, -1);
    const wrong = lines
      .map((line) => line.split('\t'))
      .filter(([, , active, , program]) => active !== 'active' || program !== 'current');
    if (wrong.length === 0 && stdout === before) return;
    if (clock.now() > endMs)
      throw new CodedError(
        wrong.length > 0
          ? wrong
              .map(([, unit, active, , program]) => `${unit} is ${active === 'active' ? `still the ${program} program` : active}`)
              .join(', ')
          : 'its services end and start again',
        { code: 'SERVICES_NOT_RUNNING', retryable: true },
      );
    before = wrong.length === 0 ? stdout : '';
    await clock.sleep(SETTLE_MS, signal);
  }
}
