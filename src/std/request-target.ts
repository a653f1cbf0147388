/**
 * What a request of HTTP/1.1 asks for, without the scheme and the host that clients name to proxies (`GET https://host/path`): every
 * server has to take such a target (RFC 9112, 3.2.2), and whoever is asked there serves itself.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const [authority] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(target) ?? [];
  if (authority === undefined) return target;
  const rest = target.slice(authority.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

const NO_HOST_CHARACTER = /[^!$%&()*+,\-.0-9:;=A-Z['\]_a-z~]/;

/**
 * Why a request is refused for its Host headers, in Go's words; undefined where they are as they should be. Of two, what stands before
 * this server may have believed the other one.
 *
 * @param rawHeaders name, value, name, value
 */
export function hostProblem(rawHeaders: readonly string[]): string | undefined {
  let hosts = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (++hosts > 1) return 'too many Host headers';
    if (NO_HOST_CHARACTER.test(rawHeaders[i + 1]!)) return 'malformed Host header';
  }
  return undefined;
}
