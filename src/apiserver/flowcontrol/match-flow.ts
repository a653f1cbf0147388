import type { FlowcontrolV1Subject, V1FlowSchemaSpec, V1PolicyRulesWithSubjects } from '../../api/gen/types.ts';
import { serviceAccountUserName } from '../authentication/identities.ts';
import type { RequestInfo, UserInfo } from '../contracts.ts';

/** Whether a request is one of those that a FlowSchema speaks of (apiserver/pkg/util/flowcontrol/rule.go). */
export function matchesFlow({ rules }: V1FlowSchemaSpec, user: UserInfo, info: RequestInfo): boolean {
  return (rules ?? []).some((rule) => matchesRule(rule, info) && rule.subjects.some((subject) => matchesSubject(subject, user)));
}

const has = (names: readonly string[] | undefined, name: string) =>
  names !== undefined && (names.includes('*') || names.includes(name));

function matchesSubject(subject: FlowcontrolV1Subject, { name, groups }: UserInfo): boolean {
  const { user, group, serviceAccount } = subject;
  if (user) return user.name === '*' || user.name === name;
  if (group) return group.name === '*' || groups.includes(group.name);
  if (!serviceAccount) return false;
  if (serviceAccount.name === '*')
    return name.startsWith(serviceAccountUserName({ namespace: serviceAccount.namespace, name: '' }));
  return name === serviceAccountUserName(serviceAccount);
}

function matchesRule({ resourceRules, nonResourceRules }: V1PolicyRulesWithSubjects, info: RequestInfo): boolean {
  const { isResourceRequest, verb, group, resource, subresource, namespace, path } = info;
  if (!isResourceRequest)
    return (nonResourceRules ?? []).some(
      (rule) => has(rule.verbs, verb) && rule.nonResourceURLs.some((url) => matchesUrl(url, path)),
    );
  const combined = subresource ? `${resource}/${subresource}` : resource;
  return (resourceRules ?? []).some(
    (rule) =>
      has(rule.verbs, verb) &&
      has(rule.apiGroups, group) &&
      has(rule.resources, combined) &&
      (namespace === '' ? rule.clusterScope === true : has(rule.namespaces, namespace)),
  );
}

const matchesUrl = (url: string, path: string) =>
  url === '*' || url === path || (url.endsWith('/*') && path.startsWith(url.slice(0, -1)));
