/** What strategic merge patches are refused for, in upstream's words; most of it upstream takes for a failure of its own. */
import { goFormat } from '../machinery/go-format.ts';
import { badRequest, StatusError } from '../machinery/status-error.ts';
import { patchDoesNotApply } from './json-patch.ts';

/** As Go prints a value. */
export const printed = goFormat;

/** 500: upstream has no better name for it. */
export function patchFailure(message: string): StatusError {
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
}

export const badFormat = (directive: string): StatusError => badRequest(`invalid patch format of ${directive}`);

export const noListOfLists = (): StatusError => patchDoesNotApply('lists of lists are not supported');

export const noItems = (): StatusError => patchFailure('no elements in any of the given slices');

export const itemsDiffer = (lists: readonly (readonly unknown[])[]): StatusError =>
  patchFailure(`list element types are not identical: ${goFormat(lists)}`);

export const keyMissing = (item: unknown, mergeKey: string): StatusError =>
  patchFailure(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`);

/** Without `map`: what is in it may be secret, and answers go into audit logs. */
export const unknownDirective = (directive: unknown, map?: unknown): StatusError =>
  patchFailure(`unknown patch type: ${asText(directive)}${map === undefined ? '' : ` in map: ${goFormat(map)}`}`);

export const notOfType = (expected: string, value: unknown): StatusError =>
  patchFailure(`expected a ${expected}, but received a ${value === null ? '%!s(<nil>)' : goTypeOf(value)}`);

export const uncomparable = (value: unknown): StatusError =>
  patchFailure(`runtime error: comparing uncomparable type ${goTypeOf(value)}`);

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'object':
      return 'map[string]interface {}';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    default:
      return typeof value === 'bigint' ? 'int64' : typeof value;
  }
}

/** As Go prints what it was told is a text. */
function asText(value: unknown): string {
  if (value === null) return '%!s(<nil>)';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(asText).join(' ')}]`;
  if (typeof value !== 'object') return `%!s(${goTypeOf(value)}=${goFormat(value)})`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${fields.map(([key, inner]) => `${key}:${asText(inner)}`).join(' ')}]`;
}
