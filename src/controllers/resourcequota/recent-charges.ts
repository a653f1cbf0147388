import { excessOf, type ResourceList, sumResourceLists } from '../../api/machinery/resource-list.ts';

/** Charges so close to each other are kept as one. */
const TOGETHER_MS = 50;

/** What admission has charged to quotas of late: the objects that it was for may not be stored yet, or not be known here. */
export class RecentCharges {
  readonly #windowMs: number;
  readonly #charges = new Map<string, { readonly atMs: number; charged: ResourceList }[]>();

  /** @param windowMs so long an object may take from its charge until it is counted */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** A quota's usage was raised from `before` to `after`; what went down is no charge. */
  note(quota: string, before: ResourceList, after: ResourceList, nowMs: number): void {
    const charged = excessOf(after, before);
    if ([...charged.values()].every(({ nano }) => nano === 0n)) return;
    const charges = this.#recent(quota, nowMs);
    const last = charges.at(-1);
    if (last && nowMs - last.atMs < TOGETHER_MS) last.charged = sumResourceLists(last.charged, charged);
    else charges.push({ atMs: nowMs, charged });
    this.#charges.set(quota, charges);
  }

  /** The sum of what was charged within the window; undefined when nothing was. */
  of(quota: string, nowMs: number): ResourceList | undefined {
    const charges = this.#recent(quota, nowMs);
    return charges.length > 0
      ? charges.map(({ charged }) => charged).reduce((sum, charged) => sumResourceLists(sum, charged))
      : undefined;
  }

  forget(quota: string): void {
    this.#charges.delete(quota);
  }

  #recent(quota: string, nowMs: number) {
    const recent = (this.#charges.get(quota) ?? []).filter(({ atMs }) => atMs + TOGETHER_MS > nowMs - this.#windowMs);
    if (recent.length === 0) this.#charges.delete(quota);
    return recent;
  }
}
