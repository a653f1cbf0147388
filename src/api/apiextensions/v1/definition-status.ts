/** What the server finds out about a definition, pure: names, conditions (apiextensions-apiserver/pkg/controller). */
import { equalJson } from '../../machinery/clone.ts';
import { approvalOf, isProtectedGroup } from './api-approval.ts';
import {
  conditionOf,
  type Definition,
  type DefinitionCondition,
  type DefinitionNames,
  type DefinitionStatus,
} from './definition.ts';

/** The status with a condition, which keeps its place, and its time unless its status changes. */
export function setCondition(status: DefinitionStatus, condition: DefinitionCondition): DefinitionStatus {
  const conditions = status.conditions ?? [];
  const old = conditions.find(({ type }) => type === condition.type);
  if (!old) return { ...status, conditions: [...conditions, condition] };
  const time = old.status === condition.status ? old.lastTransitionTime : condition.lastTransitionTime;
  const made = { ...condition, ...(time !== undefined && { lastTransitionTime: time }) };
  return { ...status, conditions: conditions.map((each) => (each === old ? made : each)) };
}

/** Names that others in the group have taken. */
interface TakenNames {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** What others have to know of a definition. */
export interface NamedDefinition {
  readonly metadata: Pick<Definition['metadata'], 'name'>;
  readonly spec: Pick<Definition['spec'], 'group'>;
  readonly status?: Pick<DefinitionStatus, 'acceptedNames'>;
}

function namesTaken(definition: Definition, all: readonly NamedDefinition[]): TakenNames {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { metadata, spec, status } of all) {
    if (spec.group !== definition.spec.group || metadata.name === definition.metadata.name) continue;
    const { plural, singular, shortNames = [], kind, listKind } = status?.acceptedNames ?? { plural: '', kind: '' };
    for (const name of [plural, singular, ...shortNames]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

interface NamesPlan {
  readonly accepted: DefinitionNames;
  readonly condition: Omit<DefinitionCondition, 'lastTransitionTime'>;
}

/** Which of the wanted names can be had; the first that cannot is told of. */
function planNames(definition: Definition, all: readonly NamedDefinition[]): NamesPlan {
  const taken = namesTaken(definition, all);
  const wanted = definition.spec.names;
  const accepted: DefinitionNames = { ...(definition.status?.acceptedNames ?? { plural: '', kind: '' }) };
  let refusal: { reason: string; message: string } | undefined;
  const inUse = (name: string) => `${JSON.stringify(name)} is already in use`;
  const refuse = (reason: string, message: string) => {
    refusal = { reason, message };
  };
  const choose = (name: 'plural' | 'singular' | 'kind' | 'listKind', others: ReadonlySet<string>, reason: string) => {
    const value = wanted[name] ?? '';
    if (value !== (accepted[name] ?? '') && others.has(value)) refuse(reason, inUse(value));
    else if (value) accepted[name] = value;
    else if (name === 'singular' || name === 'listKind') delete accepted[name];
  };
  choose('plural', taken.resources, 'PluralConflict');
  choose('singular', taken.resources, 'SingularConflict');
  if (!equalJson(accepted.shortNames ?? [], wanted.shortNames ?? [])) {
    const own = new Set(accepted.shortNames);
    const refused = (wanted.shortNames ?? []).filter((name) => !own.has(name) && taken.resources.has(name));
    if (refused.length) {
      const texts = refused.map(inUse);
      refuse('ShortNamesConflict', texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`);
    } else if (wanted.shortNames?.length) accepted.shortNames = wanted.shortNames;
    else delete accepted.shortNames;
  }
  choose('kind', taken.kinds, 'KindConflict');
  choose('listKind', taken.kinds, 'ListKindConflict');
  if (wanted.categories?.length) accepted.categories = wanted.categories;
  else delete accepted.categories;
  const condition = refusal
    ? { type: 'NamesAccepted', status: 'False' as const, ...refusal }
    : { type: 'NamesAccepted', status: 'True' as const, reason: 'NoConflicts', message: 'no conflicts found' };
  return { accepted, condition };
}

const APPROVAL_REASONS = {
  approved: ['True', 'ApprovedAnnotation'],
  bypassed: ['False', 'UnapprovedAnnotation'],
  missing: ['False', 'MissingAnnotation'],
  invalid: ['False', 'InvalidAnnotation'],
} as const;

export interface StatusFacts {
  /** Every definition that there is of its group. */
  readonly all: readonly NamedDefinition[];
  /** What is wrong with the structure of its schemas. */
  readonly structuralProblems: readonly string[];
  readonly now: string;
}

/**
 * What becomes of a definition's status: names are accepted where nobody else in the group has them, and once all were, the definition
 * is established for good. The same object when nothing changes.
 */
export function planStatus(definition: Definition, { all, structuralProblems, now }: StatusFacts): DefinitionStatus {
  const before = definition.status ?? {};
  const { accepted, condition } = planNames(definition, all);
  let status: DefinitionStatus = { ...before, acceptedNames: accepted };
  status = setCondition(status, { ...condition, lastTransitionTime: now });
  if (conditionOf(definition, 'Established')?.status !== 'True') {
    const established: DefinitionCondition =
      condition.status === 'True'
        ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
        : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
    status = setCondition(status, { ...established, lastTransitionTime: now });
  }
  if (isProtectedGroup(definition.spec.group)) {
    const { state, reason: message } = approvalOf(definition);
    const [value, reason] = APPROVAL_REASONS[state];
    const type = 'KubernetesAPIApprovalPolicyConformant';
    status = setCondition(status, { type, status: value, reason, message, lastTransitionTime: now });
  }
  status = withStructure(status, structuralProblems, now);
  return equalJson(status, before) ? before : status;
}

function withStructure(status: DefinitionStatus, problems: readonly string[], now: string): DefinitionStatus {
  const type = 'NonStructuralSchema';
  if (!problems.length) {
    if (!status.conditions?.some((condition) => condition.type === type)) return status;
    return { ...status, conditions: status.conditions.filter((condition) => condition.type !== type) };
  }
  const message = problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`;
  return setCondition(status, { type, status: 'True', reason: 'Violations', message, lastTransitionTime: now });
}
