/**
 * One variable of a file of `NAME='value'` lines: values in single quotes, kept letter by letter over lines too; comments and blank
 * lines between. Undefined when the file has no such name (pkg/kubelet/util/env; KEP-3721).
 *
 * @throws Error naming the first line that is wrong, as far as the file has to be read
 */
export function environmentFileValue(text: string, key: string): string | undefined {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (let at = 0; at < lines.length; at++) {
    const line = withoutReturn(lines[at]!).replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const wrong = (why: string) => new Error(`invalid environment variable format at line ${at + 1}: ${why}`);
    const equals = line.indexOf('=');
    if (equals === -1) throw wrong("missing '='");
    const name = line.slice(0, equals);
    if (name.trimEnd() === '') throw wrong('empty variable name');
    if (/[ \t]$/.test(name)) throw wrong("whitespace before '=' is not allowed");
    const written = line.slice(equals + 1);
    // As a shell reads it: `NAME= 'value'` sets nothing.
    if (/^[ \t]/.test(written)) {
      if (name === key) return undefined;
      continue;
    }
    if (!written.startsWith("'")) throw wrong('value must be enclosed in single quotes');
    let rest = written.slice(1);
    const first = at + 1;
    let value = '';
    for (let end = rest.indexOf("'"); ; end = rest.indexOf("'")) {
      if (end !== -1) {
        value += rest.slice(0, end);
        if (!/^[ \t]*(#|$)/.test(rest.slice(end + 1)))
          throw new Error(`invalid environment variable format at line ${at + 1}: unexpected content after closing quote`);
        break;
      }
      value += `${rest}\n`;
      if (++at >= lines.length)
        throw new Error(`invalid environment variable format starting at line ${first}: unclosed single quote`);
      rest = withoutReturn(lines[at]!);
    }
    if (name === key) return value === '' ? undefined : value;
  }
  return undefined;
}

const withoutReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);
