import type { KindDefinition } from '../../api/machinery/kind.ts';
import {
  formatGroupResource,
  methodNotAllowed,
  noSuchMethod,
  noSuchPath,
  notFound,
  StatusError,
} from '../../api/machinery/status-error.ts';
import type { ActionHandler, Handler, RequestInfo, ServerResponse } from '../contracts.ts';
import { checkReadable } from '../encryption/check-readable.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { removedRelease } from '../kinds/removed-release.ts';
import { sendPageNotFound } from '../response/send.ts';
import { type Action, runAction } from './action.ts';
import { createCreate } from './create.ts';
import { createDelete, createDeleteCollection } from './delete.ts';
import { createGet } from './get.ts';
import { createList } from './list.ts';
import { isNamespaceKind } from './object-rules.ts';
import { createPatch } from './patch.ts';
import type { VerbDeps, VerbHandler } from './resource-call.ts';
import { createUpdate } from './update.ts';
import { createWatch } from './watch.ts';

/** Finds the kind, the part or action, and the verb of a resource request, and runs it. Throws 404 and 405. */
export function createResourceRouter(
  kinds: KindRegistry,
  actions: readonly ActionHandler[],
  deps: VerbDeps,
  customAction?: (kind: KindDefinition, subresource: string) => ActionHandler | undefined,
): Handler {
  const byAction = new Map(actions.map((handler) => [`${handler.group}/${handler.resource}/${handler.subresource}`, handler]));
  const verbs: Readonly<Record<string, VerbHandler>> = {
    get: createGet(deps),
    list: createList(deps),
    watch: createWatch(deps),
    create: createCreate(deps),
    update: createUpdate(deps),
    patch: createPatch(deps),
    delete: createDelete(deps),
    deletecollection: createDeleteCollection(deps),
  };
  return async (context, response) => {
    const { info } = context;
    const kind = kinds.byResource(info.group, info.version, info.resource);
    if (!kind) return answerUnknown(kinds, info, response);
    if (kind.ownSchema && kind.namespaced && !isInNamespace(info)) return sendPageNotFound(response);
    checkScope(kind, info);
    if (context.request.method === 'HEAD' && !answersHead(kind, info)) throw noSuchMethod();
    if (deps.storedForms) checkReadable(deps.storedForms, deps.keyspace, kind, info);
    if (kind.deprecation) {
      context.warnings.push(kind.deprecation);
      deps.noteDeprecated?.(kind, info.subresource);
      context.audit?.addAuditAnnotation('k8s.io/deprecated', 'true');
      const release = removedRelease(kind);
      if (release) context.audit?.addAuditAnnotation('k8s.io/removed-release', release);
    }
    const action = kind.ownSchema
      ? customAction?.(kind, info.subresource)
      : byAction.get(`${info.group}/${info.resource}/${info.subresource}`);
    if (action)
      return runAction(
        { kind, handler: action, admission: deps.admission, clock: deps.clock } satisfies Action,
        context,
        response,
      );
    if (kind.storage === 'review') throw info.name ? noSuchPath() : noSuchMethod();
    if (info.subresource === '') {
      if (!isServed(kind.verbs, info)) throw noSuchMethod();
      return verbs[info.verb]!({ context, kind }, response);
    }
    const part = kind.parts.find((p) => p.name === info.subresource);
    if (!part && kind.ownSchema) throw notFound(kind, info.name);
    if (!part) throw kind.actions.some((a) => a.name === info.subresource) ? notOffered(kind, info) : noSuchPath();
    if (!isServed(part.verbs, info)) throw kind.ownSchema ? methodNotAllowed(kind, info.verb) : noSuchMethod();
    return verbs[info.verb]!({ context, kind, part }, response);
  };
}

/** Below a group that is served, what is not there is told by a Status; beyond that upstream knows no more than any web server. */
async function answerUnknown(kinds: KindRegistry, { group, version }: RequestInfo, response: ServerResponse): Promise<void> {
  if (kinds.all().some((kind) => kind.group === group && (group !== '' || kind.version === version))) throw noSuchPath();
  sendPageNotFound(response);
}

/** Upstream's routes of built-in kinds are those of GET alone, but for proxies; custom resources are served by verb, and HEAD's is get. */
const answersHead = ({ ownSchema }: KindDefinition, { subresource }: RequestInfo) =>
  ownSchema !== undefined || subresource === 'proxy';

/** Discovery names it, since upstream has it, and this version does not do it. */
function notOffered({ group, resource }: KindDefinition, { subresource }: RequestInfo): StatusError {
  const what = `${formatGroupResource({ group, resource: `${resource}/${subresource}` })}`;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `this version of Muster does not offer ${what}`,
    reason: 'MethodNotAllowed',
    details: { ...(group && { group }), kind: resource },
    code: 501,
  });
}

function isServed(verbs: readonly string[], { verb, name }: RequestInfo): boolean {
  if (!verbs.includes(verb)) return false;
  // PUT, PATCH and the like need a name; POST has none.
  if (verb === 'create') return name === '';
  return name !== '' || verb === 'list' || verb === 'watch' || verb === 'deletecollection';
}

/** What is in no namespace can be listed there, and nothing else. */
const isInNamespace = ({ namespace, verb, name }: RequestInfo) =>
  namespace !== '' || (name === '' && (verb === 'list' || verb === 'watch'));

/**
 * A namespaced object is written in its namespace; a cluster-scoped one has none. The request was authorized for the namespace in its
 * path, so a path like `namespaces/mine/nodes/n1/proxy` must lead nowhere. A namespace is its own namespace, and no other one's.
 */
function checkScope(kind: KindDefinition, info: RequestInfo): void {
  if (!kind.namespaced) {
    if (info.namespace !== '' && !(isNamespaceKind(kind) && info.namespace === info.name)) throw noSuchPath();
  } else if (info.namespace === '' && !(kind.verbs.includes('list') && (info.verb === 'list' || info.verb === 'watch'))) {
    throw info.name === '' && kind.verbs.includes('list') ? noSuchMethod() : noSuchPath();
  }
}
