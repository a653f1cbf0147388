import { checkUnchanged } from '../../core/v1/check-unchanged.ts';
import type { V1IPAddress } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { checkField, checkReference } from '../../machinery/field-checks.ts';
import { requiredField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain, checkPathSegment } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const parentOf = (object: DynamicObject) => (object as unknown as V1IPAddress).spec?.parentRef;

function validateIpAddress(object: DynamicObject): FieldError[] {
  const parent = parentOf(object);
  const path = 'spec.parentRef';
  if (!parent) return [requiredField(path)];
  const { group, resource, name, namespace } = parent;
  return [
    ...(group ? checkField(`${path}.group`, group, checkDnsSubdomain) : []),
    ...checkReference(`${path}.resource`, resource),
    ...checkReference(`${path}.name`, name),
    ...(namespace ? checkField(`${path}.namespace`, namespace, checkPathSegment) : []),
  ];
}

function formatParent(object: V1IPAddress): string {
  const { group, resource = '', namespace, name = '' } = object.spec?.parentRef ?? {};
  const of = group ? `${resource}.${group}` : resource;
  return [of.toLowerCase(), namespace, name].filter((part) => part !== undefined && part !== '').join('/');
}

export const ipAddressKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  resource: 'ipaddresses',
  namespaced: false,
  shortNames: ['ip'],
  nameRule: 'ip-address',
  columns: [nameColumn, textColumn<V1IPAddress>('ParentRef', 'Whose address it is.', formatParent), ageColumn],
  selectableFields: {
    'spec.parentRef.group': (object) => parentOf(object)?.group ?? '',
    'spec.parentRef.resource': (object) => parentOf(object)?.resource ?? '',
    'spec.parentRef.namespace': (object) => parentOf(object)?.namespace ?? '',
    'spec.parentRef.name': (object) => parentOf(object)?.name ?? '',
  },
  validate: validateIpAddress,
  validateUpdate: (updated, existing) =>
    checkUnchanged('spec.parentRef', 'ParentReference', parentOf(updated), parentOf(existing)),
});
