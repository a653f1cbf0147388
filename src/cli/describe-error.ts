import { visibleLine } from '../std/visible-text.ts';

/** One line for a failure: its message, and of gathered failures each one's. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError)
    return [...new Set([error.message, ...error.errors.map(describeError)])].filter(Boolean).join(': ');
  if (!(error instanceof Error)) return String(error);
  // Hosts and servers are quoted in messages.
  return visibleLine(error.message) || error.name;
}
