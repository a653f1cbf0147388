import type { V1Node, V1NodeConfigSource, V1NodeStatus, V1OwnerReference, V1Taint } from '../../gen/types.ts';
import { isJsonMap } from '../../machinery/clone.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import {
  addErrors,
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { checkCidr, parseCidr } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import {
  checkConfigKey,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
  type NameCheck,
} from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { withTexts } from './annotated-structure.ts';
import { validateDeclaredFeatures } from './declared-features.ts';
import { shownForm } from './internal-form.ts';
import { checkResourceAmount } from './resources-validation.ts';

const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What can be allocated is all there is, unless said otherwise. */
export function setNodeDefaults(object: DynamicObject): void {
  const { status } = object as V1Node;
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
}

/** In upstream's order (core/validation ValidateNode). */
export function validateNode(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { metadata, spec, status } = object as V1Node;
  const stored = (existing as V1Node | undefined)?.spec?.podCIDRs ?? [];
  return [
    ...validateAnnotations(metadata?.annotations ?? {}),
    ...validateTaints(spec?.taints ?? [], 'metadata.taints'),
    ...validateAmounts(status),
    ...validateSwap(status),
    ...validateDeclaredFeatures(status?.declaredFeatures ?? [], 'status.declaredFeatures'),
    ...validatePodCidrs(spec?.podCIDRs ?? [], stored),
  ];
}

const ANNOTATIONS = 'metadata.annotations';
const TAINTS = 'scheduler.alpha.kubernetes.io/taints';
const PREFER_AVOID_PODS = 'scheduler.alpha.kubernetes.io/preferAvoidPods';

const TAINT_TEXTS = ['key', 'value', 'effect'];
const areTaints = (value: unknown) => Array.isArray(value) && value.every((one) => withTexts(one, TAINT_TEXTS));
const areAvoided = (value: unknown) => {
  const list = isJsonMap(value) ? (value['preferAvoidPods'] ?? []) : undefined;
  return Array.isArray(list) && list.every(isJsonMap);
};

interface AvoidedPods {
  readonly preferAvoidPods?: readonly { readonly podSignature?: { readonly podController?: V1OwnerReference } }[];
}

/** What was said in annotations before there were fields for it, and is read by nobody now. */
function validateAnnotations(annotations: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  if (annotations[TAINTS])
    readAnnotation(annotations[TAINTS], areTaints, ANNOTATIONS, TAINTS, errors, (taints) =>
      validateTaints(
        (taints as object[]).map((taint) => withTexts(taint, TAINT_TEXTS) as unknown as V1Taint),
        `${ANNOTATIONS}.${TAINTS}`,
      ),
    );
  if (annotations[PREFER_AVOID_PODS])
    readAnnotation(annotations[PREFER_AVOID_PODS], areAvoided, `${ANNOTATIONS}.AvoidPods`, PREFER_AVOID_PODS, errors, (avoided) =>
      checkEach((avoided as AvoidedPods).preferAvoidPods ?? [], `${ANNOTATIONS}.${PREFER_AVOID_PODS}`, validateAvoided),
    );
  return errors;
}

function validateAvoided({ podSignature }: NonNullable<AvoidedPods['preferAvoidPods']>[number], path: string): FieldError[] {
  const controller = podSignature?.podController;
  if (!controller) return [requiredField(`${path}.PodSignature`)];
  return controller.controller
    ? []
    : [invalidField(`${path}.PodSignature.PodController.Controller`, false, 'must point to a controller')];
}

/** Adds what `check` says of a JSON text, or that it is none of the right sort. */
function readAnnotation(
  text: string,
  isRight: (value: unknown) => boolean,
  path: string,
  key: string,
  errors: FieldError[],
  check: (value: unknown) => FieldError[],
): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    errors.push(invalidField(path, key, (error as Error).message));
    return;
  }
  addErrors(errors, isRight(value) ? check(value) : [invalidField(path, key, 'must be JSON of the right type')]);
}

/** Kubernetes' old single field and the newer list say the same; where they do not, it is the old one that was changed. */
export function syncPodCidr(object: DynamicObject): void {
  const { spec } = object as V1Node;
  if (!spec) return;
  if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.length && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0];
}

function validateTaints(taints: readonly V1Taint[], where: string): FieldError[] {
  const seen = new Set<string>();
  return checkEach(taints, where, (taint, path) => {
    const { key, value = '', effect } = taint;
    const errors = checkField(`${path}.key`, key, checkQualifiedName);
    const wrong = checkLabelValue(value);
    if (wrong.length) errors.push(invalidField(`${path}.value`, value, wrong.join(';')));
    if (!effect) errors.push(requiredField(`${path}.effect`));
    else if (!TAINT_EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, TAINT_EFFECTS));
    const identity = `${effect}/${key}`;
    if (seen.has(identity))
      errors.push(duplicateField(path, shownForm('Taint', taint), 'taints must be unique by key and effect pair'));
    seen.add(identity);
    return errors;
  });
}

function validatePodCidrs(podCidrs: readonly string[], stored: readonly string[]): FieldError[] {
  const path = 'spec.podCIDRs';
  const errors = checkEach(podCidrs, path, (cidr, at) => checkCidr(at, cidr, stored));
  const families = new Set(podCidrs.map((cidr) => parseCidr(cidr)?.address.family));
  if (podCidrs.length > 1 && (families.size !== 2 || podCidrs.length > 2))
    errors.push(invalidField(path, podCidrs, 'may specify no more than one CIDR for each IP family'));
  return errors;
}

function validateAmounts(status: V1NodeStatus = {}): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['capacity', 'allocatable'] as const)
    for (const [resource, quantity] of Object.entries(status[field] ?? {}))
      checkResourceAmount(resource, quantity, `status.${field}.${resource}`, errors);
  return errors;
}

function validateSwap(status: V1NodeStatus | undefined): FieldError[] {
  const capacity = status?.nodeInfo?.swap?.capacity;
  return capacity !== undefined && capacity <= 0
    ? [invalidField('metadata.nodeSwapStatus.capacity', capacity, 'must be greater than zero')]
    : [];
}

function validateAddresses({ addresses = [] }: V1NodeStatus): FieldError[] {
  const seen = new Set<string>();
  return checkEach(addresses, 'status.addresses', (address, path) => {
    const identity = JSON.stringify([address.type, address.address]);
    if (seen.has(identity)) return [duplicateField(path, shownForm('NodeAddress', address))];
    seen.add(identity);
    return [];
  });
}

/** Of the status alone: it is for kubelets, who may annotate their node on the way. */
export function validateNodeStatus(object: DynamicObject): FieldError[] {
  const { metadata, status = {} } = object as V1Node;
  return [
    ...validateAnnotations(metadata?.annotations ?? {}),
    ...validateAmounts(status),
    ...validateAddresses(status),
    ...validateStatusConfig(status),
    ...validateDeclaredFeatures(status.declaredFeatures ?? [], 'status.declaredFeatures'),
  ];
}

const PODS_ELSEWHERE = 'node updates may not change podCIDR except from "" to valid';

/** A node's provider and its pod addresses are set once. */
export function validateNodeUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const { spec: after = {}, status = {} } = updated as V1Node;
  const before = (existing as V1Node).spec ?? {};
  const errors = validateAddresses(status);
  const [ranges, old] = [after.podCIDRs ?? [], before.podCIDRs ?? []];
  if (old.length > 0 && ranges.length !== old.length) errors.push(forbiddenField('spec.podCIDRs', PODS_ELSEWHERE));
  else
    addErrors(
      errors,
      old.flatMap((cidr, i) => (cidr === ranges[i] ? [] : [forbiddenField('spec.podCIDRs', PODS_ELSEWHERE)])),
    );
  if (before.providerID && after.providerID !== before.providerID)
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  if (after.configSource) addErrors(errors, validateConfigSource(after.configSource, 'spec.configSource', false));
  addErrors(errors, validateStatusConfig(status));
  if ((after.externalID ?? '') !== (before.externalID ?? ''))
    errors.push(forbiddenField('spec.externalID', 'may not be updated'));
  return errors;
}

/** What is said of a node that is let through. */
export function nodeWarnings(object: DynamicObject): string[] {
  const { configSource, externalID } = (object as V1Node).spec ?? {};
  return [
    ...(configSource ? ['spec.configSource: the feature is removed'] : []),
    ...(externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
  ];
}

/** Dynamic kubelet configuration is gone: only a node that has one keeps it. */
export function dropNewConfig(updated: DynamicObject, existing?: DynamicObject): void {
  const [after, before] = [updated as V1Node, existing as V1Node | undefined];
  if (after.spec && !before?.spec?.configSource) delete after.spec.configSource;
  if (after.status && !before?.status?.config) delete after.status.config;
}

const validateStatusConfig = ({ config }: V1NodeStatus): FieldError[] =>
  (['assigned', 'active', 'lastKnownGood'] as const).flatMap((field) =>
    config?.[field] ? validateConfigSource(config[field], `status.config.${field}`, true) : [],
  );

function validateConfigSource(source: V1NodeConfigSource, path: string, inStatus: boolean): FieldError[] {
  const { configMap } = source;
  if (!configMap)
    return [invalidField(path, shownForm('NodeConfigSource', source), 'exactly one reference subfield must be non-nil')];
  const errors: FieldError[] = [];
  const at = `${path}.configMap`;
  for (const field of ['uid', 'resourceVersion'] as const)
    if (inStatus && !configMap[field]) errors.push(requiredField(`${at}.${field}`));
    else if (!inStatus && configMap[field]) errors.push(forbiddenField(`${at}.${field}`, `${field} must not be set in spec`));
  const needed: readonly (readonly ['namespace' | 'name' | 'kubeletConfigKey', NameCheck])[] = [
    ['namespace', checkDnsLabel],
    ['name', checkDnsSubdomain],
    ['kubeletConfigKey', checkConfigKey],
  ];
  for (const [field, check] of needed)
    if (!configMap[field]) errors.push(requiredField(`${at}.${field}`));
    else addErrors(errors, checkField(`${at}.${field}`, configMap[field], check));
  return errors;
}
