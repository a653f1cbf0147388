import { invalidField, notSupportedField, requiredField } from '../../api/machinery/field-error.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import type { Logger } from '../../std/logger.ts';
import { withoutTrailing } from '../../std/trailing.ts';
import { listFieldErrors } from '../configuration-files/problem-list.ts';
import {
  type Configuration,
  readConfiguration,
  type Shape,
  strictProblem,
  wrongFile,
} from '../configuration-files/read-configuration.ts';
import type { AuthorizationAttributes } from '../contracts.ts';

/** How much of a request is recorded (audit.k8s.io/v1 Level). */
export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

const LEVELS: readonly string[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const STAGES: readonly string[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface PolicyRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

/** What is recorded of one request. */
export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export interface AuditPolicy {
  /** The first rule that matches decides; nothing is recorded when none does. */
  decide(attributes: AuthorizationAttributes): AuditDecision;
}

const RULE: Shape = {
  fields: {
    level: 'string',
    users: 'strings',
    userGroups: 'strings',
    verbs: 'strings',
    resources: { listOf: { fields: { group: 'string', resources: 'strings', resourceNames: 'strings' } } },
    namespaces: 'strings',
    nonResourceURLs: 'strings',
    omitStages: 'strings',
    omitManagedFields: 'bool',
  },
};
const METADATA: Shape = { fields: { name: 'string', namespace: 'string', labels: 'any', annotations: 'any' } };
const POLICY: Shape = {
  fields: { metadata: METADATA, rules: { listOf: RULE }, omitStages: 'strings', omitManagedFields: 'bool' },
};

const FLAG = 'audit-policy-file';
/** v1 has all that the older ones had; upstream took those, with a warning, until 1.24. */
const OLD_VERSIONS: readonly string[] = ['audit.k8s.io/v1beta1', 'audit.k8s.io/v1alpha1'];

/** Reads `--audit-policy-file`. Throws a CodedError that names the file and what is wrong. */
export async function readAuditPolicy(path: string, logger: Logger): Promise<AuditPolicy> {
  const configuration = await readConfiguration(path, FLAG, POLICY, { kind: 'Policy' });
  const { apiVersion, kind, strictProblems } = configuration;
  const isOld = OLD_VERSIONS.includes(apiVersion);
  if (kind !== 'Policy' || !(isOld || apiVersion === 'audit.k8s.io/v1'))
    throw wrongFile(FLAG, path, `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (isOld) logger.warn(`"${apiVersion}" is deprecated and will be removed in a future release, use "audit.k8s.io/v1" instead`);
  if (strictProblems.length)
    logger.warn('Audit policy contains errors, falling back to lenient decoding', { problem: strictProblem(strictProblems) });
  const { rules, omitStages, omitManagedFields } = completePolicy(configuration);
  const errors = validateRules(rules, omitStages);
  if (errors.length) throw wrongFile(FLAG, path, listFieldErrors(errors));
  if (rules.length === 0) throw wrongFile(FLAG, path, 'loaded illegal policy with 0 rules');
  return createAuditPolicy(rules, { omitStages, omitManagedFields });
}

function completePolicy({ document }: Configuration) {
  return {
    rules: (document['rules'] ?? []) as PolicyRule[],
    omitStages: (document['omitStages'] ?? []) as AuditStage[],
    omitManagedFields: document['omitManagedFields'] === true,
  };
}

interface PolicyDefaults {
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean;
}

export function createAuditPolicy(rules: readonly PolicyRule[], defaults: PolicyDefaults): AuditPolicy {
  const decisions = rules.map((rule) => ({
    rule,
    decision: {
      level: rule.level,
      omitStages: new Set([...defaults.omitStages, ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? defaults.omitManagedFields,
    },
  }));
  const none: AuditDecision = { level: 'None', omitStages: new Set(defaults.omitStages), omitManagedFields: false };
  return { decide: (attributes) => decisions.find(({ rule }) => matches(rule, attributes))?.decision ?? none };
}

/** As apiserver/pkg/audit/policy/checker.go. */
function matches(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  const { user, verb } = attributes;
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !user.groups.some((group) => rule.userGroups!.includes(group))) return false;
  if (rule.verbs?.length && !rule.verbs.includes(verb)) return false;
  if (rule.namespaces?.length || rule.resources?.length) return matchesResource(rule, attributes);
  if (rule.nonResourceURLs?.length) {
    return !attributes.isResourceRequest && rule.nonResourceURLs.some((spec) => matchesPath(attributes.path, spec));
  }
  return true;
}

function matchesPath(path: string, spec: string): boolean {
  return spec === '*' || spec === path || (spec.endsWith('*') && path.startsWith(withoutTrailing(spec, '*')));
}

function matchesResource(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  const { isResourceRequest, namespace, group, resource, subresource, name } = attributes;
  if (!isResourceRequest) return false;
  if (rule.namespaces?.length && !rule.namespaces.includes(namespace)) return false;
  if (!rule.resources?.length) return true;
  const combined = subresource ? `${resource}/${subresource}` : resource;
  return rule.resources.some((wanted) => {
    const ofGroup = wanted.group ?? '';
    if (ofGroup !== '*' && ofGroup !== group) return false;
    if (!wanted.resources?.length) return true;
    if (wanted.resourceNames?.length && !wanted.resourceNames.includes(name)) return false;
    return wanted.resources.some(
      (r) => r === combined || r === '*' || (subresource !== '' && r === `*/${subresource}`) || r === `${resource}/*`,
    );
  });
}

/** As apiserver/pkg/apis/audit/validation. */
function validateRules(rules: readonly PolicyRule[], omitStages: readonly string[]): FieldError[] {
  const errors = validateStages(omitStages, 'omitStages');
  for (const [i, rule] of rules.entries()) {
    const at = `rules[${i}]`;
    if (!rule?.level) errors.push(requiredField(`${at}.level`));
    else if (!LEVELS.includes(rule.level)) errors.push(notSupportedField(`${at}.level`, rule.level, LEVELS));
    for (const [j, url] of (rule?.nonResourceURLs ?? []).entries()) {
      if (url === '*') continue;
      const field = `${at}.nonResourceURLs[${j}]`;
      if (!url.startsWith('/')) errors.push(invalidField(field, url, "non-resource URL rules must begin with a '/' character"));
      if (url.slice(0, -1).includes('*'))
        errors.push(invalidField(field, url, "non-resource URL wildcards '*' must be the final character of the rule"));
    }
    for (const { group, resources, resourceNames } of rule?.resources ?? []) {
      const problems = group && group !== '*' ? checkDnsSubdomain(group) : [];
      if (problems.length) errors.push(invalidField(`${at}.resources.group`, group, problems.join(',')));
      if (resourceNames?.length && !resources?.length)
        errors.push(
          invalidField(`${at}.resources.resourceNames`, resourceNames, 'using resourceNames requires at least one resource'),
        );
    }
    errors.push(...validateStages(rule?.omitStages ?? [], `${at}.omitStages`));
    if (rule?.nonResourceURLs?.length && (rule.resources?.length || rule.namespaces?.length)) {
      const detail = 'rules cannot apply to both regular resources and non-resource URLs';
      errors.push(invalidField(`${at}.nonResourceURLs`, rule.nonResourceURLs, detail));
    }
  }
  return errors;
}

function validateStages(stages: readonly string[], path: string): FieldError[] {
  return stages.flatMap((stage, i) =>
    STAGES.includes(stage) ? [] : [invalidField(`${path}[${i}]`, stage, `allowed stages are ${STAGES.join(',')}`)],
  );
}
