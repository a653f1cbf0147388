import { exactJsonText } from '../std/exact-json.ts';

/**
 * What is read here as a number is a double: the largest integer of 64 bits, by which fields say "for ever", has become the next one,
 * which no server takes. How JSON writes that.
 */
const ONE_TOO_MUCH = 2 ** 63;
const SHOWN = String(ONE_TOO_MUCH);
const LARGEST = 2n ** 63n - 1n;

/** The JSON of what is sent. The largest integer of 64 bits is itself again; others beyond 2^53 are as near as doubles are. */
export function requestBody(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes(SHOWN) ? exactJsonText(JSON.parse(text, (_, each) => (each === ONE_TOO_MUCH ? LARGEST : each))) : text;
}
