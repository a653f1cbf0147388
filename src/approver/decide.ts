import type { RequestFacts } from './request-facts.ts';
import type { Finding, Rule } from './rule.ts';
import { ALL_RULES } from './rules/all-rules.ts';

export interface JudgedRule {
  readonly rule: Rule;
  readonly finding: Finding;
}

export interface Decision {
  readonly outcome: 'approve' | 'deny' | 'wait';
  /** The rule that decided: the first broken one, else the one that puts it aside, else the first unproven one; undefined when all hold. */
  readonly rule: Rule | undefined;
  /** For the condition: one sentence that names the code. */
  readonly message: string;
  /** Of every rule that applies, in order. */
  readonly judged: readonly JudgedRule[];
  /** When to look again although nothing has changed. */
  readonly retryAfterMs: number | undefined;
}

/** Conditions and Events take no more. */
const LONGEST_MESSAGE = 1000;

/** Judges a request by every rule: denied only for what is proven wrong, approved only when everything holds. Pure. */
export function decide(facts: RequestFacts, rules: readonly Rule[] = ALL_RULES): Decision {
  const judged = rules
    .filter(({ purpose }) => purpose === undefined || purpose === facts.purpose)
    .map((rule) => ({ rule, finding: rule.check(facts) }));
  const first = (verdict: Finding['verdict']) => judged.find(({ finding }) => finding.verdict === verdict);
  // Of a request that is not looked at for now, nothing else was asked.
  const putAside = judged.find(({ rule, finding }) => rule.putsAside && finding.verdict === 'unproven');
  const wrong = first('broken') ?? putAside ?? first('unproven');
  if (!wrong) {
    const message = `All ${judged.length} rules of Muster’s approver hold for Node ${facts.nodeName}.`;
    return { outcome: 'approve', rule: undefined, message, judged, retryAfterMs: undefined };
  }
  const { rule, finding } = wrong;
  const wanted = finding.wanted === undefined ? '' : `, wanted ${finding.wanted}`;
  const message = `${rule.code} ${rule.sentence} Seen: ${finding.seen}${wanted}.`.slice(0, LONGEST_MESSAGE);
  const waits = judged.flatMap(({ finding: { verdict, retryAfterMs } }) =>
    verdict === 'unproven' && retryAfterMs ? [retryAfterMs] : [],
  );
  const outcome = finding.verdict === 'broken' ? 'deny' : 'wait';
  return {
    outcome,
    rule,
    message,
    judged,
    retryAfterMs: outcome === 'wait' && waits.length > 0 ? Math.min(...waits) : undefined,
  };
}
