/** One line for a failure: its message, and of gathered failures each one's. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError)
    return [...new Set([error.message, ...error.errors.map(describeError)])].filter(Boolean).join(': ');
  if (!(error instanceof Error)) return String(error);
  return visible(error.message) || error.name;
}

/** Hosts and servers are quoted in messages: what they send must not move the cursor of whoever reads it, or hide what else is said. */
const visible = (text: string): string =>
  text
    .replace(/\r?\n/g, ' ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
