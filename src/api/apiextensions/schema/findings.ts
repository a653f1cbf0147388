import type { FieldError } from '../../machinery/status-error.ts';

/** What a check of a value came to: what is wrong, and how much was looked at, which tells the nearest of several alternatives. */
export class Findings {
  readonly errors: FieldError[] = [];
  matchCount = 0;

  get valid(): boolean {
    return this.errors.length === 0;
  }

  /** What was found already, of several alternatives, is told once. */
  add(error: FieldError): void {
    if (!this.errors.some(({ field, message }) => field === error.field && message === error.message)) this.errors.push(error);
  }

  merge(other: Findings): void {
    for (const error of other.errors) this.add(error);
    this.matchCount += other.matchCount;
  }
}
