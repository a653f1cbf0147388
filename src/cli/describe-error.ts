/** One line for a failure: its message, and of gathered failures each one's. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError)
    return [...new Set([error.message, ...error.errors.map(describeError)])].filter(Boolean).join(': ');
  if (!(error instanceof Error)) return String(error);
  return error.message.replaceAll('\n', ' ') || error.name;
}
