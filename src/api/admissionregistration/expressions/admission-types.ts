/** What expressions of admission see of a request and its namespace (apiserver/pkg/admission/plugin/cel/compile.go). */
import { BOOL, type CelType, DYN, INT, listOf, mapOf, type ObjectType, objectOf, STRING, TIMESTAMP } from '../../cel/types.ts';

const object = (name: string, fields: Readonly<Record<string, CelType>>): ObjectType =>
  objectOf(`kubernetes.${name}`, new Map(Object.entries(fields)));

const STRINGS = listOf(STRING);
const groupVersionKind = object('GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const groupVersionResource = object('GroupVersionResource', { group: STRING, version: STRING, resource: STRING });
const userInfo = object('UserInfo', { username: STRING, uid: STRING, groups: STRINGS, extra: mapOf(STRING, STRINGS) });

export const requestType = object('AdmissionRequest', {
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: STRING,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo,
  dryRun: BOOL,
  options: DYN,
});

const STRING_MAP = mapOf(STRING, STRING);
const condition = object('NamespaceCondition', {
  status: STRING,
  type: STRING,
  lastTransitionTime: TIMESTAMP,
  message: STRING,
  reason: STRING,
});

export const namespaceType = object('Namespace', {
  metadata: object('NamespaceMetadata', {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: STRING_MAP,
    annotations: STRING_MAP,
    UID: STRING,
    creationTimestamp: TIMESTAMP,
    deletionGracePeriodSeconds: INT,
    deletionTimestamp: TIMESTAMP,
    generation: INT,
    resourceVersion: STRING,
    finalizers: STRINGS,
  }),
  spec: object('NamespaceSpec', { finalizers: STRINGS }),
  status: object('NamespaceStatus', { conditions: listOf(condition), phase: STRING }),
});

/** `JSONPatch{op: "add", path: "/a", value: 1}`: an operation of a mutating policy. */
export const jsonPatchType: ObjectType = {
  ...objectOf(
    'JSONPatch',
    new Map<string, CelType>([
      ['op', STRING],
      ['path', STRING],
      ['from', STRING],
      ['value', DYN],
    ]),
  ),
  constructible: true,
};

/** `Object{spec: Object.spec{…}}`: a part of an object to apply. Fields are of any type; names are checked when it is used. */
export function applyObjectType(name: string): ObjectType | undefined {
  if (!/^Object(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/.test(name)) return undefined;
  return { form: 'object', name, field: () => DYN, constructible: true };
}
