/** Whether two parsed JSON documents say the same; the order of fields does not count, absent and undefined are one. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!jsonEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  return fieldsEqual(a as Record<string, unknown>, b as Record<string, unknown>);
}

/** The same for two objects, leaving some of their own fields out. */
export function fieldsEqual(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  except: readonly string[] = [],
): boolean {
  for (const key in a) if (!except.includes(key) && !jsonEqual(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && b[key] !== undefined && !except.includes(key)) return false;
  return true;
}
