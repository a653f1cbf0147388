import { type IpRange, isInside, parseIp } from '../../api/machinery/ip.ts';
import type { DenyCheck } from '../denied-names.ts';
import type { NameFact, Ownership } from '../request-facts.ts';
import type { AskedName, NameSource, SourceAnswer } from './name-source.ts';
import { canonicalName } from './name-table.ts';

export interface ProofContext {
  readonly nodeName: string;
  readonly sources: readonly NameSource[];
  /** Addresses in them are a node's when it claims them and no other node does. */
  readonly allowedPrefixes: readonly IpRange[];
  /** Nodes whose Node object claims a name, or whose certificate holds it. */
  claimants(name: string): readonly string[];
  /** Whether the node's own Node object claims it. */
  claims(name: string): boolean;
  deny(name: AskedName): DenyCheck | undefined;
  readonly signal: AbortSignal;
}

interface Opinion {
  readonly ownership: Ownership;
  readonly by: string;
}

/** Whose each name is. Asks all sources at once; what one of them proves stands, whatever the node claims. */
export async function proveNames(names: readonly AskedName[], context: ProofContext): Promise<NameFact[]> {
  if (names.length === 0) return [];
  const { sources, nodeName, signal } = context;
  const answers = await Promise.all(
    sources.map(async (source) => {
      try {
        return { source, answers: await source.ask(nodeName, names, signal) };
      } catch (error) {
        signal.throwIfAborted();
        return { source, problem: error instanceof Error ? error.message : 'no answer' };
      }
    }),
  );
  return names.map((name, i) => {
    const opinions = answers.map(({ source, answers: given, problem }) => opinionOf(source.name, given?.[i], problem, nodeName));
    const best = weigh(name, opinions, context);
    const check = context.deny(name);
    const byOperator = opinions.some(({ ownership }) => ownership === 'proven');
    if (!check || (check.unlessProven && byOperator)) return { ...name, ...best };
    return { ...name, ...best, ...(check.unlessProven ? { reserved: check.denied } : { denied: check.denied }) };
  });
}

function opinionOf(source: string, answer: SourceAnswer | undefined, problem: string | undefined, nodeName: string): Opinion {
  if (problem !== undefined) return { ownership: 'unavailable', by: `${source}: ${problem}` };
  // A hook may name the owner of each name, this node too.
  if (answer === 'own' || (typeof answer === 'object' && answer.owner === nodeName)) return { ownership: 'proven', by: source };
  if (answer === 'contested') return { ownership: 'contested', by: `${source} gives it to several nodes` };
  return typeof answer === 'object' ? { ownership: 'foreign', by: answer.owner } : { ownership: 'unknown', by: source };
}

/** A source that says "another's" or "several nodes'" goes before one that says "own": two that disagree prove nothing. */
function weigh({ kind, value }: AskedName, opinions: readonly Opinion[], context: ProofContext): Opinion {
  const said = (ownership: Ownership) => opinions.find((opinion) => opinion.ownership === ownership);
  const strong = said('foreign') ?? said('contested') ?? said('proven');
  if (strong) return strong;
  // The API server has verified that it is this node that asks.
  if (kind === 'dns' && value === context.nodeName) return { ownership: 'proven', by: 'its own name' };
  const claimants = context.claimants(canonicalName(value));
  const others = claimants.filter((name) => name !== context.nodeName);
  const claimed = context.claims(canonicalName(value));
  // What another node says of itself proves nothing either: the request waits, and is not denied.
  if (others.length > 0)
    return { ownership: 'contested', by: [...(claimed ? [context.nodeName] : []), ...others].slice(0, 5).join(' and ') };
  const address = kind === 'address' ? parseIp(value) : undefined;
  const prefix = claimed && address ? context.allowedPrefixes.find((range) => isInside(address, range)) : undefined;
  if (prefix) return { ownership: 'proven', by: 'an allowed prefix' };
  const away = said('unavailable');
  if (away) return away;
  return claimed ? { ownership: 'consistent', by: 'the node itself says so' } : { ownership: 'unknown', by: 'nobody says so' };
}
