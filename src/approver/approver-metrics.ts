import { Counter, Histogram, type Metric } from '../std/metric.ts';

const DECISION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What `/metrics` of the approver tells. Rules are named by their codes. */
export class ApproverMetrics {
  readonly decisions = new Counter('muster_approver_decisions_total', 'Decisions by outcome, the rule that decided and signer.', [
    'outcome',
    'rule',
    'signer',
  ]);
  readonly seconds = new Histogram(
    'muster_approver_decision_duration_seconds',
    'Time from seeing a request to a decision written.',
    ['outcome'],
    DECISION_BOUNDS,
  );
  readonly sourceFailures = new Counter('muster_approver_source_failures_total', 'Sources of names that could not be asked.', [
    'source',
  ]);
  readonly issuedDifferently = new Counter(
    'muster_approver_issued_differently_total',
    'Certificates that do not say what was approved.',
    [],
  );

  constructor() {
    // An alert on its growth sees the first one only when it was there before.
    this.issuedDifferently.add(0);
  }

  #pending: () => ReadonlyMap<string, number> = () => new Map();

  /** `read` answers how many requests wait, by the code of the rule that keeps them. */
  watchPending(read: () => ReadonlyMap<string, number>): void {
    this.#pending = read;
  }

  render(): string {
    const all: Metric[] = [this.decisions, this.seconds, this.sourceFailures, this.issuedDifferently];
    const name = 'muster_approver_pending_requests';
    let text = `# HELP ${name} Requests that wait, by the rule that keeps them.\n# TYPE ${name} gauge\n`;
    for (const [rule, count] of this.#pending()) text += `${name}{rule="${rule}"} ${count}\n`;
    return all.map((metric) => metric.render()).join('') + text;
  }
}
