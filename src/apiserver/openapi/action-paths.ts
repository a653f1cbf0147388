import type { ActionSubresource, KindDefinition, Verb } from '../../api/machinery/kind.ts';
import type { DefinitionNames } from './definition-names.ts';
import type { OperationMethod, PathItem } from './openapi-document.ts';
import { capital, idPrefix } from './operation-names.ts';
import type { Action, OperationWriter, Target } from './operations.ts';
import { pathItemOf } from './path-item.ts';
import { LOG_QUERY, OPTION_QUERIES } from './query-parameters.ts';

/** The kinds that are sent to subresources and are none of their own, by their schema. */
export const ACTION_SCHEMAS: Readonly<Record<string, string>> = {
  Binding: 'V1Binding',
  Eviction: 'V1Eviction',
  Scale: 'V1Scale',
  TokenRequest: 'AuthenticationV1TokenRequest',
};

const METHODS: Readonly<Partial<Record<Verb, OperationMethod>>> = {
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
};

/** The subresources with a behaviour of their own: those that take and answer objects, logs, and what is passed on to others. */
export function writeActionPaths(
  kind: KindDefinition,
  item: Target,
  names: DefinitionNames,
  writer: OperationWriter,
): Record<string, PathItem> {
  const paths: Record<string, PathItem> = {};
  for (const action of kind.actions) {
    const path = `${item.path}/${action.name}`;
    // A custom resource's scale is told under the name of the resource.
    const object = kind.ownSchema ? {} : { object: objectOf(action, kind) };
    const target: Target = { ...item, path, subresource: action.name, ...object };
    const schema = ACTION_SCHEMAS[action.kind];
    if (schema) {
      const whole = { ...target, schema: { $ref: `#/definitions/${names.of(schema)}` } };
      paths[path] = pathItemOf(methodsOf(action).map((method) => [method, writer.write(method as Action, whole)] as const));
    } else if (OPTION_QUERIES[action.kind]) Object.assign(paths, connectPaths(action, target, writer));
    else if (action.name === 'log') paths[path] = logPath(target, writer);
  }
  return paths;
}

const objectOf = (action: ActionSubresource, kind: KindDefinition) => ({
  group: action.group ?? kind.group,
  version: action.version ?? kind.version,
  kind: action.kind,
});

const methodsOf = ({ verbs }: ActionSubresource) => verbs.flatMap((verb) => METHODS[verb] ?? []);

/** Requests that are passed on as they are; a proxy takes every method, and whatever stands behind its path. */
function connectPaths(action: ActionSubresource, target: Target, writer: OperationWriter): Record<string, PathItem> {
  const isProxy = action.name === 'proxy';
  const methods: OperationMethod[] = isProxy ? [...methodsOf(action), 'options', 'head'] : methodsOf(action);
  const { kind } = target.served;
  const at = (path: string, suffix: string) =>
    pathItemOf(
      methods.map((method) => {
        const id = `connect${idPrefix(target.served)}${capital(method)}${target.namespaced ? 'Namespaced' : ''}${kind}${capital(action.name)}${suffix}`;
        const operation = {
          action: 'connect',
          operationId: id,
          description: `connect ${method.toUpperCase()} requests to ${action.name} of ${kind}`,
          produces: ['*/*'],
        };
        return [method, writer.writeOther({ ...target, path }, operation, OPTION_QUERIES[action.kind]!)] as const;
      }),
    );
  return {
    [target.path]: at(target.path, ''),
    ...(isProxy && { [`${target.path}/{path}`]: at(`${target.path}/{path}`, 'WithPath') }),
  };
}

function logPath(target: Target, writer: OperationWriter): PathItem {
  const operation = {
    action: 'get',
    operationId: `read${idPrefix(target.served)}Namespaced${target.served.kind}Log`,
    description: `read log of the specified ${target.served.kind}`,
    produces: ['text/plain', 'application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'],
  };
  return pathItemOf([['get', writer.writeOther(target, operation, LOG_QUERY)]]);
}
