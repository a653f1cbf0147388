/** CEL's own words, which a field in an expression cannot be called. */
const RESERVED: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** How expressions call a property (apiserver/pkg/cel/escaping.go); undefined for names that they cannot say. */
export function escapeName(name: string): string | undefined {
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  if (RESERVED.has(name)) return `__${name}__`;
  return name.replace(/__|[./-]/g, (special) => ESCAPES[special]!);
}

const UNESCAPES: ReadonlyMap<string, string> = new Map([
  ['underscores', '__'],
  ['dot', '.'],
  ['dash', '-'],
  ['slash', '/'],
]);

/** The property that expressions call so; undefined for what is no such name. */
export function unescapeName(escaped: string): string | undefined {
  let isName = true;
  const name = escaped.replace(/__([^_]+)__/g, (sequence, inner: string) => {
    const special = UNESCAPES.get(inner);
    if (special === undefined && !(RESERVED.has(inner) && sequence === escaped)) isName = false;
    return special ?? inner;
  });
  return isName ? name : undefined;
}
