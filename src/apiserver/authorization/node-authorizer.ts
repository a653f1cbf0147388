import { parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { nodeNameOf } from '../authentication/identities.ts';
import type { AuthorizationAttributes, Authorizer, Decision } from '../contracts.ts';
import { nodeRules } from './bootstrap-policy/node-rules.ts';
import { quote } from './forbidden.ts';
import type { NodeGraph, RelatedKind } from './node-graph.ts';
import { rulesAllow } from './policy-rule.ts';
import type { RuleResolver } from './rule-resolver.ts';

const ALLOW: Decision = { decision: 'allow', reason: '' };
const noOpinion = (reason = ''): Decision => ({ decision: 'no-opinion', reason });

type Rule = (node: string, attributes: AuthorizationAttributes, graph: Pick<NodeGraph, 'isRelated'>) => Decision;

/** Authorizes kubelets: what is theirs, and reads of what their pods need (plugin/pkg/auth/authorizer/node, with its reasons). */
export function createNodeAuthorizer(graph: Pick<NodeGraph, 'isRelated'>): Authorizer & RuleResolver {
  return {
    async authorize(attributes) {
      const node = nodeNameOf(attributes.user);
      if (node === undefined) return noOpinion();
      if (!node) return noOpinion(`unknown node for user ${quote(attributes.user.name)}`);
      const rule = attributes.isResourceRequest ? RULES[`${attributes.group}/${attributes.resource}`] : undefined;
      if (rule) return rule(node, attributes, graph);
      return rulesAllow(nodeRules, attributes) ? ALLOW : noOpinion();
    },
    rulesFor: (user) =>
      nodeNameOf(user) === undefined
        ? { rules: [], incomplete: false, problems: [] }
        : { rules: [], incomplete: true, problems: ['node authorizer does not support user rule resolution'] },
  };
}

function related(kind: RelatedKind): Rule {
  return (node, { namespace, name }, graph) => {
    if (!name) return noOpinion('No Object name found');
    if (graph.isRelated(node, kind, namespace, name)) return ALLOW;
    return noOpinion(`no relationship found between node '${node}' and this object`);
  };
}

/** get, list and watch of one object, which is how kubelets follow Secrets and ConfigMaps. */
function readOne(kind: RelatedKind): Rule {
  return (node, attributes, graph) => {
    if (!['get', 'list', 'watch'].includes(attributes.verb)) return noOpinion('can only read resources of this type');
    if (attributes.subresource) return noOpinion('cannot read subresource');
    if (!attributes.namespace) return noOpinion('can only read namespaced object of this type');
    const name = attributes.name || (requiredField(attributes, 'metadata.name') ?? '');
    return related(kind)(node, { ...attributes, name }, graph);
  };
}

function getOne(kind: RelatedKind): Rule {
  return (node, attributes, graph) => {
    if (attributes.verb !== 'get') return noOpinion('can only get individual resources of this type');
    if (attributes.subresource) return noOpinion('cannot get subresource');
    return related(kind)(node, attributes, graph);
  };
}

const claim: Rule = (node, attributes, graph) => {
  if (attributes.subresource !== 'status') return getOne('persistentvolumeclaims')(node, attributes, graph);
  if (attributes.verb !== 'update' && attributes.verb !== 'patch') return noOpinion('can only get/update/patch this type');
  return related('persistentvolumeclaims')(node, attributes, graph);
};

const serviceAccount: Rule = (node, attributes, graph) => {
  // To send an account's token to a credential provider.
  if (attributes.verb === 'get' && !attributes.subresource) return related('serviceaccounts')(node, attributes, graph);
  if (attributes.verb !== 'create' || !attributes.name) {
    return noOpinion('can only create tokens for individual service accounts');
  }
  if (attributes.subresource !== 'token') return noOpinion('can only create token subresource of serviceaccount');
  return related('serviceaccounts')(node, attributes, graph);
};

const OWN_VERBS = ['get', 'create', 'update', 'patch', 'delete'];

const lease: Rule = (node, { verb, namespace, name }) => {
  if (!OWN_VERBS.includes(verb)) return noOpinion('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease') return noOpinion('can only access leases in the "kube-node-lease" system namespace');
  // The name on create is checked by the NodeRestriction admission plugin.
  if (verb !== 'create' && name !== node) {
    return noOpinion('can only access node lease with the same name as the requesting node');
  }
  return ALLOW;
};

const csiNode: Rule = (node, { verb, name, subresource }) => {
  if (!OWN_VERBS.includes(verb)) return noOpinion('can only get, create, update, patch, or delete a CSINode');
  if (subresource) return noOpinion('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node) return noOpinion('can only access CSINode with the same name as the requesting node');
  return ALLOW;
};

const resourceSlice: Rule = (node, attributes, graph) => {
  if (attributes.subresource) return noOpinion('cannot authorize ResourceSlice subresources');
  if (attributes.verb === 'create') return ALLOW;
  if (['watch', 'list', 'deletecollection'].includes(attributes.verb)) {
    if (requiredField(attributes, 'spec.nodeName') === node || requiredField(attributes, 'nodeName') === node) return ALLOW;
    return noOpinion('can only list/watch/deletecollection resourceslices with nodeName field selector');
  }
  if (!OWN_VERBS.includes(attributes.verb))
    return noOpinion(
      'only the following verbs are allowed for a ResourceSlice: [get watch list create update patch delete deletecollection]',
    );
  return related('resourceslices')(node, attributes, graph);
};

const ownNode: Rule = (node, attributes) => {
  const { verb, subresource } = attributes;
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : noOpinion();
  if (subresource) return noOpinion();
  // Which node is written is the NodeRestriction admission plugin's to check.
  if (verb === 'create' || verb === 'update' || verb === 'patch') return ALLOW;
  if (verb !== 'get' && verb !== 'list' && verb !== 'watch') return noOpinion();
  const name = attributes.name || requiredField(attributes, 'metadata.name');
  if (name === node) return ALLOW;
  if (!name) return noOpinion(`node '${node}' cannot read all nodes, only its own Node object`);
  return noOpinion(`node '${node}' cannot read '${name}', only its own Node object`);
};

const pod: Rule = (node, attributes, graph) => {
  const { verb, subresource } = attributes;
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : noOpinion();
  if (subresource === 'eviction') return verb === 'create' ? ALLOW : noOpinion();
  if (subresource) return noOpinion();
  if (verb === 'get') return related('pods')(node, attributes, graph);
  if (verb === 'create' || verb === 'delete') return ALLOW; // mirror pods: NodeRestriction looks at them
  if (verb !== 'list' && verb !== 'watch') return noOpinion();
  if (requiredField(attributes, 'spec.nodeName') === node) return ALLOW;
  const name = attributes.name || requiredField(attributes, 'metadata.name');
  if (name) return related('pods')(node, { ...attributes, name }, graph);
  return noOpinion('can only list/watch pods with spec.nodeName field selector');
};

const RULES: Readonly<Record<string, Rule>> = {
  '/secrets': readOne('secrets'),
  '/configmaps': readOne('configmaps'),
  '/persistentvolumeclaims': claim,
  '/persistentvolumes': getOne('persistentvolumes'),
  'resource.k8s.io/resourceclaims': getOne('resourceclaims'),
  'storage.k8s.io/volumeattachments': getOne('volumeattachments'),
  '/serviceaccounts': serviceAccount,
  'coordination.k8s.io/leases': lease,
  'storage.k8s.io/csinodes': csiNode,
  'resource.k8s.io/resourceslices': resourceSlice,
  '/nodes': ownNode,
  '/pods': pod,
};

/** The one value that the request's field selector leaves for a field. */
function requiredField({ fieldSelector }: AuthorizationAttributes, field: string): string | undefined {
  if (!fieldSelector) return undefined;
  try {
    return parseFieldSelector(fieldSelector).exact(field);
  } catch {
    return undefined; // a selector that cannot be read gives no right; the request fails on it later
  }
}
