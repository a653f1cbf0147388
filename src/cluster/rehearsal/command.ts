import { createClient } from '../../client/create-client.ts';
import { transportFromContext } from '../../client/kubeconfig-client.ts';
import { flag } from '../../client/serving/component-flags.ts';
import { findContext } from '../../doctor/command.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../../std/flags.ts';
import type { ChronicleEntry, Summary } from './chronicle.ts';
import { type PublicParts, readPublicParts } from './public-parts.ts';
import { defaultParts, rehearseInParts } from './rehearse-in-parts.ts';
import { parseDays, parseFault, type Scenario } from './scenario.ts';

const DAY_MS = 86_400_000;
const MOST_NODES = 5000;
const TEN_YEARS_MS = 3650 * DAY_MS;

/** `muster rehearse`. Exit status 0: every certificate was renewed in time; 3: something ran out or was lost; 1: it could not be played. */
export const rehearseCommand: ComponentCommand = {
  name: 'rehearse',
  summary:
    "play a cluster's certificates through years in seconds, with faults: what breaks first, when, and what brings it back",
  flags: [
    flag('nodes', 'int', 'how many nodes', { default: 10 }),
    flag('for', 'string', 'how long, as in 1y, 90d, 48h', { default: '1y' }),
    flag('certificate-lifetime', 'string', "of kubelets' certificates, as --cluster-signing-duration", { default: '1y' }),
    flag('ca-lifetime', 'string', "what is left of the authority's life; default: ten years more than is rehearsed"),
    flag(
      'fault',
      'strings',
      'KIND@WHEN+HOWLONG[:NODES[:OFFSET]]: approver-away@200d+2h, node-off@30d+420d:node-7, clock@10d+1d:node-3:+7m, ca-replaced@9y+10y',
    ),
    flag('rejoin', 'bool', 'nodes whose certificate ran out while they were off have a bootstrap token'),
    flag('seed', 'int', 'decides all that is random', { default: 1 }),
    flag('control-planes', 'int', 'how many control planes the nodes are shared out over; default one for each 125 nodes'),
    flag(
      'from-cluster',
      'bool',
      'take the number of nodes, lifetimes and the end of the authority from a live cluster; only public parts are read',
    ),
    flag('kubeconfig', 'string', 'for --from-cluster; default $KUBECONFIG, else ~/.kube/config'),
    flag('output', 'string', 'text or json', { shorthand: 'o', default: 'text' }),
  ],
  run: runRehearsal,
};

async function runRehearsal({ values, args, isSet }: ParsedFlags, io: CommandIo): Promise<number> {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const output = values.string('output');
  if (output !== 'text' && output !== 'json') throw new FlagError('--output', '--output: only text and json there are');
  const live = values.bool('from-cluster') ? await readLive(values, io) : undefined;
  const scenario = readScenario(values, isSet, live, io.clock.now());
  const parts = readParts(values, isSet, scenario);
  const startedMs = performance.now();
  const { summary, entries } = await rehearseInParts(scenario, parts, { signal: io.signal });
  const seconds = (performance.now() - startedMs) / 1000;
  if (output === 'json')
    io.stdout(
      `${JSON.stringify({ scenario: { ...scenario, nodes: scenario.nodes.length }, summary, entries, seconds }, null, 2)}\n`,
    );
  else io.stdout(rehearsalText(scenario, summary, entries, seconds));
  return summary.missed > 0 || summary.lost.length > 0 ? 3 : 0;
}

/** @throws FlagError */
function readScenario(values: FlagValues, isSet: ParsedFlags['isSet'], live: PublicParts | undefined, nowMs: number): Scenario {
  const duration = (name: string, known: number | undefined) => {
    if (known !== undefined && !isSet(name)) return known;
    try {
      return parseDays(values.string(name));
    } catch {
      throw new FlagError(`--${name}`, `--${name}: ${JSON.stringify(values.string(name))} is no duration such as 1y, 90d or 2h`);
    }
  };
  const count = values.int('nodes');
  if (count < 1 || count > MOST_NODES) throw new FlagError('--nodes', `--nodes: must be from 1 to ${MOST_NODES}`);
  const nodes = live && !isSet('nodes') ? live.nodes : Array.from({ length: count }, (_, i) => `node-${i + 1}`);
  const certificateLifetimeMs = duration('certificate-lifetime', live?.certificateLifetimeMs);
  if (certificateLifetimeMs < 600_000)
    throw new FlagError('--certificate-lifetime', '--certificate-lifetime: must be 10m or more');
  if (isSet('ca-lifetime') && duration('ca-lifetime', undefined) < 600_000)
    throw new FlagError('--ca-lifetime', '--ca-lifetime: must be 10m or more');
  const durationMs = duration('for', undefined);
  if (durationMs < DAY_MS / 24 || durationMs > 50 * 365 * DAY_MS) throw new FlagError('--for', '--for: must be from 1h to 50y');
  return {
    nodes,
    startMs: nowMs,
    durationMs,
    certificateLifetimeMs,
    caLifetimeMs: duration('ca-lifetime', live?.caLifetimeMs ?? durationMs + TEN_YEARS_MS),
    faults: values.strings('fault').map((text) => parseFault(text, nodes)),
    rejoin: values.bool('rejoin'),
    seed: values.int('seed'),
  };
}

/** @throws FlagError */
function readParts(values: FlagValues, isSet: ParsedFlags['isSet'], { nodes }: Scenario): number {
  if (!isSet('control-planes')) return defaultParts(nodes.length);
  const parts = values.int('control-planes');
  if (parts < 1 || parts > nodes.length)
    throw new FlagError('--control-planes', `--control-planes: must be from 1 to the number of nodes, ${nodes.length}`);
  return parts;
}

async function readLive(values: FlagValues, io: CommandIo): Promise<PublicParts> {
  const context = await findContext(values, io);
  const transport = transportFromContext(context, io.clock, io.env);
  try {
    const client = createClient({ transport, userAgent: 'muster-rehearse' });
    return await readPublicParts({ client, caPem: context.caPem, nowMs: io.clock.now(), signal: io.signal, timeoutMs: 3000 });
  } finally {
    await transport.close({ final: true });
  }
}

const SHOWN = 30;
const time = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

function entryText({ atMs, who, what, purpose, detail }: ChronicleEntry): string {
  return `${time(atMs)}  ${who} ${what}${purpose ? ` (${purpose})` : ''}${detail ? `: ${detail}` : ''}`;
}

/** For people. */
export function rehearsalText(scenario: Scenario, summary: Summary, entries: readonly ChronicleEntry[], seconds: number): string {
  const { renewals, missed, lost, firstBroken, lastMended, longestGapMs, failedTries } = summary;
  const lines = [
    `${scenario.nodes.length} nodes, ${summary.simulatedDays} days from ${time(scenario.startMs)}, certificates of ${Math.round(scenario.certificateLifetimeMs / 3_600_000)} h (played in ${seconds.toFixed(1)} s)`,
    '',
    `joined            ${summary.joined}`,
    `renewals          ${renewals.client} client, ${renewals.serving} serving`,
    `tries that failed ${failedTries}`,
    `ran out           ${missed}${missed > 0 ? `, for ${Math.round(longestGapMs / 60_000)} min at the longest` : ''}`,
    `lost at the end   ${lost.length > 0 ? lost.slice(0, 10).join(', ') : 'none'}${lost.length > 10 ? ` and ${lost.length - 10} more` : ''}`,
    '',
  ];
  if (firstBroken) lines.push(`broke first       ${entryText(firstBroken)}`);
  if (lastMended) lines.push(`right again       ${entryText(lastMended)}`);
  for (const way of waysBack(summary, entries)) lines.push(`to bring back     ${way}`);
  if (entries.length > 0)
    lines.push(
      '',
      ...entries.slice(0, SHOWN).map(entryText),
      ...(entries.length > SHOWN ? [`and ${entries.length - SHOWN} more (-o json)`] : []),
    );
  return `${lines.join('\n').trimEnd()}\n`;
}

/** What mends that which did not come right by itself. */
function waysBack({ lost, firstBroken }: Summary, entries: readonly ChronicleEntry[]): string[] {
  const ended = entries.findLast(({ what }) => what === 'authority ended' || what === 'authority replaced');
  if (ended?.what === 'authority ended')
    return ['first another authority, in good time: --fault ca-replaced@WHEN+LIFETIME shows how early; then muster rescue'];
  if (lost.length > 0) return ['muster rescue, or join them anew with a bootstrap token'];
  return firstBroken ? ['nothing is to be done: all nodes came right by themselves'] : [];
}
