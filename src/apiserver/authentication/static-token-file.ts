import { readFileSync } from 'node:fs';
import { CodedError } from '../../std/coded-error.ts';
import type { TokenAuthenticator, UserInfo } from '../contracts.ts';
import { digestOf } from './secret-values.ts';

/**
 * Reads `--token-auth-file`: lines of token, user, uid and, optionally, groups as one quoted field
 * (apiserver/pkg/authentication/token/tokenfile). Any text without a comma or quote is a token; quoted, any text is. Read once.
 * Throws a CodedError that names file and line.
 */
export function openStaticTokenFile(path: string): TokenAuthenticator {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CodedError(`--token-auth-file: cannot read ${path}: ${(cause as Error).message}`, { code: 'TOKEN_FILE', cause });
  }
  return createStaticTokenAuthenticator(parseStaticTokens(text, path));
}

export function createStaticTokenAuthenticator(tokens: ReadonlyMap<string, UserInfo>): TokenAuthenticator {
  // Looked up by hash, so that the time a look-up takes says nothing about how much of a guess was right.
  const users = new Map([...tokens].map(([token, user]) => [digestOf(token).toString('base64'), user]));
  return {
    async authenticateToken(token) {
      const user = users.get(digestOf(token).toString('base64'));
      return user && { user };
    },
  };
}

/** The users by token. Empty lines and lines that begin with `#` are left out; of two lines with one token the later counts. */
export function parseStaticTokens(text: string, path: string): Map<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (!line.trim() || line.trimStart().startsWith('#')) return;
    const fail = (why: string) => new CodedError(`token auth file '${path}' line ${index + 1}: ${why}`, { code: 'TOKEN_FILE' });
    const fields = splitCsvLine(line);
    if (!fields) throw fail('a quote is not closed, or stands inside a field that does not begin with one');
    const [token, name, uid, groups] = fields;
    if (fields.length < 3) throw fail(`must have at least 3 columns (token, user name, user uid), found ${fields.length}`);
    if (!token) throw fail('the token is empty');
    if (!name) throw fail('the user name is empty');
    users.set(token, {
      name,
      ...(uid && { uid }),
      groups: (groups ?? '')
        .split(',')
        .map((group) => group.trim())
        .filter(Boolean),
    });
  });
  return users;
}

/** RFC 4180's fields of one line; undefined when the quoting is broken. Blanks before a field are dropped. */
function splitCsvLine(line: string): string[] | undefined {
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    rest = rest.trimStart();
    const match = rest.startsWith('"') ? /^"((?:[^"]|"")*)"\s*(,|$)/.exec(rest) : /^([^",]*)(,|$)/.exec(rest);
    if (!match) return undefined;
    fields.push(rest.startsWith('"') ? match[1]!.replaceAll('""', '"') : match[1]!.trim());
    if (match[2] !== ',') return fields;
    rest = rest.slice(match[0].length);
  }
}
