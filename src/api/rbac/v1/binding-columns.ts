import type { RbacV1Subject, V1RoleBinding } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn, wide } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

const namesOf = (subjects: readonly RbacV1Subject[] | undefined, kind: string) =>
  (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');

/** For RoleBindings and ClusterRoleBindings. */
export const bindingColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1RoleBinding>('Role', 'The role that is given.', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  ...wide(
    textColumn<V1RoleBinding>('Users', 'The users who get it.', ({ subjects }) => namesOf(subjects, 'User')),
    textColumn<V1RoleBinding>('Groups', 'The groups that get it.', ({ subjects }) => namesOf(subjects, 'Group')),
    textColumn<V1RoleBinding>('ServiceAccounts', 'The service accounts that get it.', ({ subjects }) =>
      namesOf(subjects, 'ServiceAccount'),
    ),
  ),
];
