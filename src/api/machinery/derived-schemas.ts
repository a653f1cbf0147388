/** Schemas of versions that the official client has no models for any more, as differences from those of today. */

/** Field → type; null takes a field away. */
export type SchemaFields = Readonly<Record<string, string | null>>;

/** The name of the schema that it is the same as, or its own fields; `of` names the schema whose other fields it has. */
export type DerivedSchema = string | SchemaFields;

type SchemaTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** All schemas: those of today and those that differ from them. Throws when one is derived from what is not there. */
export function withDerivedSchemas(schemas: SchemaTable, derived: Readonly<Record<string, DerivedSchema>>): SchemaTable {
  const table: Record<string, Readonly<Record<string, string>>> = { ...schemas };
  const make = (name: string): Readonly<Record<string, string>> => {
    if (Object.hasOwn(table, name)) return table[name]!;
    const difference = Object.hasOwn(derived, name) ? derived[name]! : undefined;
    if (difference === undefined) throw new Error(`there is no schema ${JSON.stringify(name)} to derive from`);
    const fields = typeof difference === 'string' ? make(difference) : applyDifference(difference, make);
    table[name] = fields;
    return fields;
  };
  for (const name of Object.keys(derived)) make(name);
  return table;
}

function applyDifference(
  { of, ...changed }: SchemaFields,
  make: (name: string) => Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const fields: Record<string, string> = typeof of === 'string' ? { ...make(of) } : {};
  for (const [field, type] of Object.entries(changed))
    if (type === null) delete fields[field];
    else fields[field] = type;
  return fields;
}
