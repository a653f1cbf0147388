/** What Go's net/netip finds wrong with an address or a prefix: its words are in the errors of what Kubernetes parses with it. */
import { goQuote } from './go-text.ts';

/** Why `netip.ParseAddr` refuses the text (https://pkg.go.dev/net/netip#ParseAddr); undefined: it does not. */
export function goAddressProblem(text: string): string | undefined {
  const kind = /[.:%]/.exec(text)?.[0];
  const problem =
    kind === '.'
      ? dottedProblem(text)
      : kind === ':'
        ? colonsProblem(text)
        : { why: kind === '%' ? 'missing IPv6 address' : 'unable to parse IP' };
  if (!problem) return undefined;
  return `ParseAddr(${goQuote(text)}): ${problem.why}${problem.at ? ` (at ${goQuote(problem.at)})` : ''}`;
}

/** Why `netip.ParsePrefix` refuses the text. */
export function goPrefixProblem(text: string): string | undefined {
  const slash = text.lastIndexOf('/');
  const why = slash < 0 ? "no '/'" : prefixProblem(text.slice(0, slash), text.slice(slash + 1));
  return why && `netip.ParsePrefix(${goQuote(text)}): ${why}`;
}

function prefixProblem(address: string, bits: string): string | undefined {
  const problem = goAddressProblem(address);
  if (problem) return problem;
  if (address.includes('%')) return 'IPv6 zones cannot be present in a prefix';
  if (!/^(?:0|[1-9]\d*)$/.test(bits)) return `bad bits after slash: ${goQuote(bits)}`;
  // Go reads the number as an int64.
  if (BigInt(bits) >= 2n ** 63n) return `bad bits after slash: ${goQuote(bits)}`;
  return Number(bits) > (address.includes(':') ? 128 : 32) ? 'prefix length out of range' : undefined;
}

interface Problem {
  readonly why: string;
  /** Where it is: the text from there on. */
  readonly at?: string;
}

function dottedProblem(text: string): Problem | undefined {
  let field = '';
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (/[0-9]/.test(character)) {
      if (field === '0') return { why: 'IPv4 field has octet with leading zero' };
      field += character;
      if (Number(field) > 255) return { why: 'IPv4 field has value >255' };
    } else if (character === '.') {
      if (field === '' || i === text.length - 1) return { why: 'IPv4 field must have at least one digit', at: text.slice(i) };
      if (dots === 3) return { why: 'IPv4 address too long' };
      dots++;
      field = '';
    } else return { why: 'unexpected character', at: text.slice(i) };
  }
  return dots < 3 ? { why: 'IPv4 address too short' } : undefined;
}

function colonsProblem(text: string): Problem | undefined {
  const percent = text.indexOf('%');
  if (percent >= 0 && percent === text.length - 1) return { why: 'zone must be a non-empty string' };
  let rest = percent < 0 ? text : text.slice(0, percent);
  let bytes = 0;
  let ellipsis = rest.startsWith('::');
  if (ellipsis) rest = rest.slice(2);
  if (rest === '' && ellipsis) return undefined;
  while (bytes < 16) {
    const digits = /^[0-9A-Fa-f]*/.exec(rest)![0].length;
    if (digits > 4) return { why: 'each group must have 4 or less digits', at: rest };
    if (digits === 0) return { why: 'each colon-separated field must have at least one digit', at: rest };
    if (rest[digits] === '.') return tailProblem(rest, bytes, ellipsis);
    bytes += 2;
    rest = rest.slice(digits);
    if (rest === '') break;
    if (!rest.startsWith(':')) return { why: 'unexpected character, want colon', at: rest };
    if (rest.length === 1) return { why: 'colon must be followed by more characters', at: rest };
    rest = rest.slice(1);
    if (!rest.startsWith(':')) continue;
    if (ellipsis) return { why: 'multiple :: in address', at: rest };
    ellipsis = true;
    rest = rest.slice(1);
    if (rest === '') break;
  }
  return rest === '' ? sizeProblem(bytes, ellipsis) : { why: 'trailing garbage after address', at: rest };
}

/** Of the four bytes with dots that may end an address with colons. */
function tailProblem(tail: string, bytes: number, ellipsis: boolean): Problem | undefined {
  if (!ellipsis && bytes !== 12) return { why: 'embedded IPv4 address must replace the final 2 fields of the address', at: tail };
  if (bytes > 12) return { why: 'too many hex fields to fit an embedded IPv4 at the end of the address', at: tail };
  return dottedProblem(tail) ?? sizeProblem(bytes + 4, ellipsis);
}

function sizeProblem(bytes: number, ellipsis: boolean): Problem | undefined {
  if (bytes < 16) return ellipsis ? undefined : { why: 'address string too short' };
  return ellipsis ? { why: 'the :: must expand to at least one field of zeros' } : undefined;
}
