/** Makes `omitted-zeros.json`: the fields that Go leaves out of JSON when they hold its zero value. */

type Rows = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What a zero is known of: empty text and bytes, nought and false. Times, quantities and the like are structures in Go. */
const HAVE_ZEROS: ReadonlySet<string> = new Set(['string', 'bytes', 'boolean', 'int32', 'int64', 'double']);

/**
 * Schema → its fields, with spaces between: those that are optional, are no pointers and have `omitempty`. `schemas` is `schema.json`,
 * `numbers` is `protobuf-fields.json`, which says what Go's types are like; of fields that it does not know nothing is said.
 */
export function omittedZeros(schemas: Rows, numbers: Rows): Record<string, string> {
  const omitted: Record<string, string> = {};
  for (const [schema, fields] of Object.entries(schemas)) {
    const row = Object.hasOwn(numbers, schema) ? numbers[schema]! : {};
    const names = Object.entries(fields)
      .filter(([name, type]) => HAVE_ZEROS.has(type) && Object.hasOwn(row, name) && !/[*!]/.test(row[name]!))
      .map(([name]) => name);
    if (names.length) omitted[schema] = names.join(' ');
  }
  return omitted;
}

/** The text of the generated file. */
export function renderOmittedZeros(schemas: Rows, numbers: Rows): string {
  const lines = Object.entries(omittedZeros(schemas, numbers)).map(
    ([schema, names]) => `${JSON.stringify(schema)}:${JSON.stringify(names)}`,
  );
  return `{\n${lines.join(',\n')}\n}\n`;
}
