import type { Field, FieldTable } from './field-schema.ts';
import { kubeletConfigurationFields } from './fields.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

type Fields = Record<string, unknown>;

/**
 * What `/configz` answers: the effective configuration under `kubeletconfig`, keys in upstream's order, without kind and
 * apiVersion, empty values left out as Go's `omitempty` does.
 */
export function configzDocument(configuration: KubeletConfiguration): { kubeletconfig: Fields } {
  return { kubeletconfig: printed(kubeletConfigurationFields, configuration) };
}

function printed(table: FieldTable, values: Readonly<Fields>): Fields {
  const document: Fields = {};
  for (const [name, field] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    const shown = printedValue(field, value);
    if (field.keepZero || !isZero(shown)) document[name] = shown;
  }
  return document;
}

function printedValue(field: Field, value: unknown): unknown {
  if (typeof field.type === 'object') {
    if ('object' in field.type) return printed(field.type.object, value as Fields);
    const { list } = field.type;
    return (value as Fields[]).map((item) => printed(list, item));
  }
  if (field.type.endsWith('map')) {
    // Go prints maps with their keys sorted.
    return Object.fromEntries(Object.entries(value as Fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return value;
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === false || value === 0 || value === '' || value === '0s';
}
