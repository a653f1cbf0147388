/** How property names are written in expressions (apiserver/pkg/cel/escaping.go): `a-b` is `a__dash__b`, `namespace` is `__namespace__`. */

const RESERVED: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const PARTS: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };
const BACK: Readonly<Record<string, string>> = { underscores: '__', dot: '.', dash: '-', slash: '/' };

/** undefined for a name that no expression can reach. */
export function escapePropertyName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_]/.test(name)) return undefined;
  const escaped = name.replace(/__|[./-]/g, (part) => PARTS[part]!);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}

/** The name that an escaped one stands for; undefined when it is no escape of any. */
export function unescapePropertyName(escaped: string): string | undefined {
  const reserved = /^__([a-z]+)__$/.exec(escaped);
  if (reserved && RESERVED.has(reserved[1]!)) return reserved[1];
  const name = escaped.replace(/__(underscores|dot|dash|slash)__/g, (_, part: string) => BACK[part]!);
  return escapePropertyName(name) === escaped ? name : undefined;
}
