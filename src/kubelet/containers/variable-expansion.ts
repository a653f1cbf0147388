/**
 * `$(VAR)` in values, commands and sub paths (k8s.io/kubernetes/third_party/forked/golang/expansion): `$$` is a dollar sign that
 * begins nothing, a variable that nobody defines stays as it is written.
 */
export function expandVariables(text: string, lookUp: (name: string) => string | undefined): string {
  let expanded = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1 || dollar === text.length - 1) return expanded + text.slice(at);
    expanded += text.slice(at, dollar);
    const next = text[dollar + 1]!;
    const end = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (next === '$') expanded += '$';
    else if (end === -1) expanded += `$${next}`;
    else {
      const name = text.slice(dollar + 2, end);
      expanded += lookUp(name) ?? `$(${name})`;
    }
    at = end === -1 ? dollar + 2 : end + 1;
  }
}
