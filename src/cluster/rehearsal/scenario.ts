import { FlagError } from '../../std/flags.ts';
import { parseGoDuration } from '../../std/go-duration.ts';

/** Something that goes wrong during a rehearsal, from a time on and for a while; counted from the start. */
export interface Fault {
  readonly kind: 'approver-away' | 'signer-away' | 'apiserver-away' | 'node-off' | 'clock' | 'ca-replaced';
  readonly atMs: number;
  /** Of `ca-replaced`: how long the new authority lives. */
  readonly forMs: number;
  /** Names of the nodes that it befalls; all for parts of the control plane. */
  readonly nodes: readonly string[];
  /** For `clock`: by how much it is ahead (behind when negative). */
  readonly offsetMs: number;
}

export interface Scenario {
  /** Names of the nodes. */
  readonly nodes: readonly string[];
  readonly startMs: number;
  readonly durationMs: number;
  /** Of kubelets' certificates, as --cluster-signing-duration. */
  readonly certificateLifetimeMs: number;
  /** What is left of the authority's. */
  readonly caLifetimeMs: number;
  readonly faults: readonly Fault[];
  /** Whether nodes whose certificates ran out while they were off may join again with a token. */
  readonly rejoin: boolean;
  /** Decides everything that is random. */
  readonly seed: number;
}

const DAY_MS = 86_400_000;
const FAULT =
  /^(approver-away|signer-away|apiserver-away|node-off|clock|ca-replaced)@([^+:]+)\+([^:]+)(?::([^:]+))?(?::([^:]+))?$/;

/**
 * Reads `approver-away@200d+2h`, `node-off@30d+420d:node-7`, `clock@10d+1d:node-3:-7m`, `ca-replaced@9y+10y`: kind, when, for how long, which nodes (with commas),
 * by how much.
 *
 * @throws FlagError
 */
export function parseFault(text: string, nodes: readonly string[]): Fault {
  const refuse = (why: string) => new FlagError('--fault', `--fault: ${JSON.stringify(text)}: ${why}`);
  const [, kind, at = '', lasts = '', names, offset] = FAULT.exec(text) ?? [];
  if (!kind) throw refuse('must be KIND@WHEN+HOWLONG[:NODES[:OFFSET]], as in node-off@30d+420d:node-7');
  const duration = (value: string) => {
    try {
      return parseDays(value);
    } catch {
      throw refuse(`${JSON.stringify(value)} is no duration such as 90d, 2h or 5m`);
    }
  };
  const ofNode = kind === 'node-off' || kind === 'clock';
  const chosen = ofNode ? (names ?? '').split(',').filter((name) => name !== '') : [];
  if (ofNode && chosen.length === 0) throw refuse('needs the names of nodes');
  const unknown = chosen.find((name) => !nodes.includes(name));
  if (unknown !== undefined) throw refuse(`there is no node ${JSON.stringify(unknown)}`);
  if (kind === 'clock' && offset === undefined) throw refuse('needs an offset, as in :+7m');
  return {
    kind: kind as Fault['kind'],
    atMs: duration(at),
    forMs: duration(lasts),
    nodes: chosen,
    offsetMs: offset === undefined ? 0 : (offset.startsWith('-') ? -1 : 1) * duration(offset.replace(/^[+-]/, '')),
  };
}

/** A Go duration, or whole days or years: `90d`, `10y`, `2h45m`. @throws Error */
export function parseDays(text: string): number {
  const [, count, unit] = /^(\d{1,6})([dy])$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (unit === 'y' ? 365 * DAY_MS : DAY_MS);
  const ms = parseGoDuration(text);
  if (ms < 0) throw new Error('negative');
  return ms;
}

/** Numbers in [0, 1) that are the same for the same seed (xorshift32). */
export function seededRandom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
