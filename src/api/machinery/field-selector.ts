/** Field selectors (apimachinery/pkg/fields, same grammar and errors). */
import type { KindDefinition } from './kind.ts';
import { badRequest } from './status-error.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  /** Whether it selects everything. */
  readonly empty: boolean;
  /** `get` answers a field's value, '' when the object does not have it. */
  matches(get: (field: string) => string): boolean;
  /** The value that a field must have, if there is only one. */
  exact(field: string): string | undefined;
  toString(): string;
}

const escapeValue = (value: string) => value.replace(/[\\,=]/g, (character) => `\\${character}`);

/** Parses `status.phase!=Running,spec.nodeName=a`; `\\`, `\,` and `\=` stand for themselves in values. Throws a BadRequest. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements = splitTerms(text)
    .filter((term) => term !== '')
    .sort()
    .map((term) => parseTerm(term, text));
  let fields: ReturnType<typeof byField> | undefined;
  return {
    requirements,
    empty: requirements.length === 0,
    matches(get) {
      fields ??= byField(requirements);
      for (const [field, { equal, others }] of fields) {
        const value = get(field);
        if (others.has(value) || (equal !== undefined && value !== equal)) return false;
      }
      return true;
    },
    exact: (field) => requirements.find((r) => r.field === field && r.operator === '=')?.value,
    toString: () => requirements.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(','),
  };
}

/** What a field must be, and what it must not be: a selector has room for a hundred thousand requirements, and is asked of each object. */
interface FieldValues {
  equal: string | undefined;
  readonly others: Set<string>;
}

function byField(requirements: readonly FieldRequirement[]): Map<string, FieldValues> {
  const fields = new Map<string, FieldValues>();
  for (const { field, operator, value } of requirements) {
    let values = fields.get(field);
    if (!values) {
      values = { equal: undefined, others: new Set() };
      fields.set(field, values);
    }
    if (operator === '!=') values.others.add(value);
    else if (values.equal === undefined) values.equal = value;
    // Nothing is two things at once: no value is left.
    else if (values.equal !== value) values.others.add(values.equal);
  }
  return fields;
}

/** Throws a BadRequest unless the kind's objects can be selected by each of the fields. */
export function checkFieldSelector(kind: KindDefinition, selector: FieldSelector): void {
  const own = Object.keys(kind.selectableFields);
  for (const { field } of selector.requirements) {
    if (field === 'metadata.name' || field === 'metadata.namespace' || own.includes(field)) continue;
    throw badRequest(
      own.length || kind.ownSchema
        ? `field label not supported: ${field}`
        : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
}

/** At commas that are not escaped. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];
}

function parseTerm(term: string, whole: string): FieldRequirement {
  // At the first operator: nothing is escaped before it.
  const parts = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
  if (!parts) throw badRequest(`invalid selector: '${whole}'; can't understand '${term}'`);
  return { field: parts[1]!, operator: parts[2] === '!=' ? '!=' : '=', value: unescapeValue(parts[3]!) };
}

function unescapeValue(text: string): string {
  return text.replace(/\\(.?)|[,=]/gs, (match, escaped: string | undefined) => {
    if (escaped === undefined) throw badRequest(`invalid field selector: unescaped character in value: ${match.codePointAt(0)}`);
    if (!/^[\\,=]$/.test(escaped)) throw badRequest(`invalid field selector: invalid escape sequence: ${match}`);
    return escaped;
  });
}
