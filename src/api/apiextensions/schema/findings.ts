import { isSameError } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Told of one object; more are not kept. */
export const MOST_ERRORS = 200;

/** What a check of a value came to: what is wrong, and how much was looked at, which tells the nearest of several alternatives. */
export class Findings {
  readonly errors: FieldError[] = [];
  matchCount = 0;

  get valid(): boolean {
    return this.errors.length === 0;
  }

  /** There is no more room: what else is wrong is not told. */
  get full(): boolean {
    return this.errors.length >= MOST_ERRORS;
  }

  /** What was found already, of several alternatives, is told once. */
  add(error: FieldError): void {
    if (this.full) return;
    if (!this.errors.some((known) => isSameError(known, error))) this.errors.push(error);
  }

  merge(other: Findings): void {
    for (const error of other.errors) this.add(error);
    this.matchCount += other.matchCount;
  }
}
