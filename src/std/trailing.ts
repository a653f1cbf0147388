/**
 * The text without the run of one character at its end. In one pass: an expression for it (`/\/+$/`) begins anew at each character of every run,
 * and texts from outside may be long.
 */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
