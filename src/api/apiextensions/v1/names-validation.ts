import { invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDns1035Label } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index } from '../schema/field-path.ts';
import type { DefinitionNames } from './definition.ts';

/** Names that must be given in the spec, though not in the status. */
export function validateRequiredNames(names: DefinitionNames, path: string): FieldError[] {
  return (['plural', 'singular', 'kind', 'listKind'] as const)
    .filter((name) => !names[name])
    .map((name) => requiredField(child(path, name)));
}

/** How names must look where they are given. */
export function validateNames(names: DefinitionNames, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (at: string, value: string, mayBeMixed = false) => {
    const complaints = checkDns1035Label(mayBeMixed ? value.toLowerCase() : value);
    if (!complaints.length) return;
    const why = complaints.join();
    errors.push(invalidField(at, value, mayBeMixed ? `may have mixed case, but should otherwise match: ${why}` : why));
  };
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  if (plural) check(child(path, 'plural'), plural);
  if (singular) check(child(path, 'singular'), singular);
  if (kind) check(child(path, 'kind'), kind, true);
  if (listKind) check(child(path, 'listKind'), listKind, true);
  shortNames.forEach((name, i) => {
    check(index(child(path, 'shortNames'), i), name);
  });
  // Or an answer could not be told from a list of answers.
  if (kind && kind === listKind)
    errors.push(invalidField(child(path, 'listKind'), listKind, 'kind and listKind may not be the same'));
  categories.forEach((name, i) => {
    check(index(child(path, 'categories'), i), name);
  });
  return errors;
}
