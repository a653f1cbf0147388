import { apiVersionOf, type KindDefinition, type Verb } from '../../api/machinery/kind.ts';
import { answersDeletedObject } from '../verbs/object-rules.ts';
import { writeActionPaths } from './action-paths.ts';
import type { DefinitionNames } from './definition-names.ts';
import type { OperationMethod, PathItem, SchemaObject } from './openapi-document.ts';
import type { Action, OperationWriter, Target } from './operations.ts';
import { pathItemOf } from './path-item.ts';

type Step = readonly [verb: Verb, method: OperationMethod, action: Action];

const COLLECTION: readonly Step[] = [
  ['list', 'get', 'list'],
  ['create', 'post', 'post'],
  ['deletecollection', 'delete', 'deletecollection'],
];
const ITEM: readonly Step[] = [
  ['get', 'get', 'get'],
  ['update', 'put', 'put'],
  ['patch', 'patch', 'patch'],
  ['delete', 'delete', 'delete'],
];

/** The paths of one kind, of its subresources and of its old way to watch, with the operations that it serves. */
export function buildPaths(kind: KindDefinition, names: DefinitionNames, writer: OperationWriter): Record<string, PathItem> {
  const root = `${kind.group ? '/apis' : '/api'}/${apiVersionOf(kind)}`;
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${root}${scope}/${kind.resource}`;
  const item = `${collection}/{name}`;
  const paths: Record<string, PathItem> = {};
  const target = targetOf(kind, names);
  const put = (path: string, steps: readonly Step[], verbs: readonly Verb[], more: Partial<Target> = {}) => {
    const served = steps.filter(([verb]) => verbs.includes(verb));
    if (!served.length) return;
    paths[path] = pathItemOf(
      served.map(([, method, action]) => [method, writer.write(action, { ...target, path, ...more })] as const),
    );
  };
  const everywhere: Partial<Target> = { namespaced: false, suffix: 'ForAllNamespaces' };
  put(collection, COLLECTION, kind.verbs);
  if (kind.namespaced) put(`${root}/${kind.resource}`, COLLECTION.slice(0, 1), kind.verbs, everywhere);
  put(item, ITEM, kind.verbs);
  for (const { name, verbs } of kind.parts) put(`${item}/${name}`, ITEM, verbs, { subresource: name });
  Object.assign(paths, writeActionPaths(kind, { ...target, path: item }, names, writer));
  if (kind.ownSchema || !kind.verbs.includes('watch')) return paths;
  const watched = collection.replace(root, `${root}/watch`);
  put(watched, [['watch', 'get', 'watchlist']], kind.verbs);
  put(`${watched}/{name}`, [['watch', 'get', 'watch']], kind.verbs);
  if (kind.namespaced) put(`${root}/watch/${kind.resource}`, [['watch', 'get', 'watchlist']], kind.verbs, everywhere);
  return paths;
}

function targetOf(kind: KindDefinition, names: DefinitionNames): Target {
  const schema: SchemaObject = { $ref: `#/definitions/${names.of(kind.schema)}` };
  return {
    served: { group: kind.group, version: kind.version, kind: kind.kind },
    path: '',
    namespaced: kind.namespaced,
    schema,
    ...(kind.verbs.includes('list') && { list: { $ref: `#/definitions/${names.ofList(kind)}` } }),
    ...(answersDeletedObject(kind) && { deleted: schema }),
    ...(kind.ownSchema && { custom: true }),
    watchable: kind.verbs.includes('watch'),
  };
}
