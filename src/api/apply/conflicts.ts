import type { Steps } from '../../std/pauses.ts';
import { StatusError } from '../machinery/status-error.ts';
import { difference, type FieldSet, isEmptySet, pathsOf } from './field-set.ts';
import type { Manager } from './managed-fields.ts';
import { formatPath } from './path-element.ts';

/** Some 3 ms. */
const PATHS_IN_ONE_TURN = 4096;

/** What a manager owns and somebody else wants to give another value. */
export interface Conflict {
  readonly manager: Manager;
  readonly fields: FieldSet;
}

/** Conflicts without what lies in `allowed`. */
export function conflictsOutside(conflicts: readonly Conflict[], allowed: FieldSet): Conflict[] {
  return conflicts
    .map(({ manager, fields }) => ({ manager, fields: difference(fields, allowed) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

/** 409 that names each field and who owns it (apimachinery/pkg/util/managedfields/internal/conflict.go). */
export function* conflictError(conflicts: readonly Conflict[]): Steps<StatusError> {
  const named: { name: string; paths: string[] }[] = [];
  for (const { manager, fields } of conflicts) {
    const paths: string[] = [];
    for (const path of pathsOf(fields)) {
      paths.push(formatPath(path));
      if (paths.length % PATHS_IN_ONE_TURN === 0) yield;
    }
    named.push({ name: describeManager(manager), paths });
  }
  named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  yield;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: conflictMessage(named),
    reason: 'Conflict',
    details: {
      causes: named.flatMap(({ name, paths }) =>
        paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${name}`, field })),
      ),
    },
    code: 409,
  });
}

function conflictMessage(named: readonly { name: string; paths: string[] }[]): string {
  const count = named.reduce((sum, { paths }) => sum + paths.length, 0);
  if (count === 1) return `Apply failed with 1 conflict: conflict with ${named[0]!.name}: ${named[0]!.paths[0]}`;
  const lines = named.flatMap(({ name, paths }) => [`conflicts with ${name}:`, ...paths.map((path) => `- ${path}`)]);
  return `Apply failed with ${count} conflicts: ${lines.join('\n')}`;
}

function describeManager({ manager, operation, apiVersion, subresource }: Manager): string {
  let text = JSON.stringify(manager);
  if (subresource) text += ` with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${text} using ${apiVersion}` : text;
}
