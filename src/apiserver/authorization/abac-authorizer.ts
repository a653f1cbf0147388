import { readFile } from 'node:fs/promises';
import type { Logger } from '../../std/logger.ts';
import { withoutTrailing } from '../../std/trailing.ts';
import { AUTHENTICATED } from '../authentication/identities.ts';
import { wrongFile } from '../configuration-files/read-configuration.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../contracts.ts';
import type { PolicyRule } from './policy-rule.ts';
import type { ResolvedRules, RuleResolver } from './rule-resolver.ts';

/** One line of a policy file (pkg/apis/abac/v1beta1). */
export interface AbacPolicy {
  readonly user: string;
  readonly group: string;
  readonly readonly: boolean;
  readonly apiGroup: string;
  readonly namespace: string;
  readonly resource: string;
  readonly nonResourcePath: string;
}

const FLAG = 'authorization-policy-file';
const VERSION = 'abac.authorization.kubernetes.io/v1beta1';

/** Reads `--authorization-policy-file`, a JSON object a line. Throws a CodedError that names file and line. */
export async function openAbacAuthorizer(path: string, logger: Logger): Promise<Authorizer & RuleResolver> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw wrongFile(FLAG, path, (cause as Error).message, cause);
  }
  const unversioned: number[] = [];
  const policies = text.split('\n').flatMap((line, i) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    try {
      const document = JSON.parse(trimmed) as Record<string, unknown>;
      if (document['apiVersion'] === undefined && document['kind'] === undefined) unversioned.push(i + 1);
      return [readPolicy(document)];
    } catch (cause) {
      throw wrongFile(FLAG, path, `line ${i + 1}: ${(cause as Error).message}`, cause);
    }
  });
  if (unversioned.length) logger.warn(`Policy file contained unversioned rules: ${path}`, { lines: unversioned.length });
  return createAbacAuthorizer(policies);
}

/** @throws Error for what is no policy */
export function readPolicy(document: Readonly<Record<string, unknown>>): AbacPolicy {
  const { apiVersion, kind } = document;
  const old = apiVersion === undefined && kind === undefined;
  if (!old && (apiVersion !== VERSION || kind !== 'Policy')) throw new Error(`it is no Policy of ${VERSION}`);
  const spec = (old ? document : (document['spec'] ?? {})) as Record<string, unknown>;
  const text = (name: string) => {
    const value = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (value === undefined) return '';
    if (typeof value !== 'string') throw new Error(`${name} must be a string`);
    return value;
  };
  const [user, group] = [text('user'), text('group')];
  // Everybody who is somebody; never those without credentials.
  const everybody = user === '*' || group === '*' || (old && !user && !group);
  const fields = {
    user: everybody ? '' : user,
    group: everybody ? AUTHENTICATED : group,
    readonly: spec['readonly'] === true,
  };
  if (!old)
    return {
      ...fields,
      apiGroup: text('apiGroup'),
      namespace: text('namespace'),
      resource: text('resource'),
      nonResourcePath: text('nonResourcePath'),
    };
  // What the first form left out stood for everything.
  const [namespace, resource] = [text('namespace') || '*', text('resource') || '*'];
  const nonResourcePath = !text('namespace') && !text('resource') ? '*' : '';
  return { ...fields, apiGroup: '*', namespace, resource, nonResourcePath };
}

/** Attribute-based access control (pkg/auth/authorizer/abac): allows, or has no opinion. */
export function createAbacAuthorizer(policies: readonly AbacPolicy[]): Authorizer & RuleResolver {
  return {
    authorize: async (attributes) =>
      policies.some((policy) => allows(policy, attributes))
        ? { decision: 'allow', reason: '' }
        : { decision: 'no-opinion', reason: 'No policy matched.' },
    rulesFor(user, namespace): ResolvedRules {
      const mine = policies.filter((policy) => matchesSubject(policy, user) && matchesName(policy.namespace, namespace));
      return { rules: mine.map(ruleOf), incomplete: false, problems: [] };
    },
  };
}

const READING: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const matchesName = (wanted: string, actual: string) => wanted === '*' || wanted === actual;

function allows(policy: AbacPolicy, attributes: AuthorizationAttributes): boolean {
  const { user, verb, isResourceRequest, path, namespace, resource, group } = attributes;
  if (!matchesSubject(policy, user) || (policy.readonly && !READING.has(verb))) return false;
  if (isResourceRequest)
    return (
      matchesName(policy.namespace, namespace) && matchesName(policy.resource, resource) && matchesName(policy.apiGroup, group)
    );
  const { nonResourcePath } = policy;
  return (
    matchesName(nonResourcePath, path) ||
    (nonResourcePath.endsWith('*') && path.startsWith(withoutTrailing(nonResourcePath, '*')))
  );
}

function matchesSubject({ user, group }: AbacPolicy, { name, groups }: UserInfo): boolean {
  if (!user && !group) return false;
  return (!user || user === name) && (!group || groups.includes(group));
}

function ruleOf(policy: AbacPolicy): PolicyRule {
  const verbs = policy.readonly ? [...READING] : ['*'];
  return policy.resource
    ? { verbs, apiGroups: [policy.apiGroup], resources: [policy.resource] }
    : { verbs, nonResourceURLs: [policy.nonResourcePath] };
}
