/** Annotations that say what a pod is (core/validation ValidatePodSpecificAnnotations). */
import type { V1AppArmorProfile, V1ObjectMeta, V1PodSpec, V1SeccompProfile, V1Toleration } from '../../gen/types.ts';
import { forbiddenField, invalidField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { withTexts } from './annotated-structure.ts';
import { checkDescendingPath } from './local-path.ts';
import { eachContainer } from './pod-containers.ts';
import { MIRROR_POD } from './pod-references.ts';
import { validateTolerations } from './toleration-validation.ts';

const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
export const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
export const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
export const APP_ARMOR_CONTAINER = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST = 'localhost/';

type Annotations = Readonly<Record<string, string>>;

/** A 32-bit integer as Go writes one: no plus sign, no leading zeros. */
function isDeletionCost(text: string): boolean {
  return /^(0|-?[1-9]\d{0,9})$/.test(text) && Math.abs(Number(text) + 0.5) < 2 ** 31;
}

/** Adds complaints about the annotations of a pod or a template. `path`: `metadata.annotations`. */
export function validatePodAnnotations(
  annotations: Annotations | undefined,
  spec: V1PodSpec | undefined,
  path: string,
  errors: FieldError[],
): void {
  if (!annotations) return;
  const has = (key: string) => Object.hasOwn(annotations, key);
  if (has(MIRROR_POD) && !spec?.nodeName)
    errors.push(
      invalidField(`${path}[${MIRROR_POD}]`, annotations[MIRROR_POD], 'must set spec.nodeName if mirror pod annotation is set'),
    );
  if (has(TOLERATIONS) && annotations[TOLERATIONS]) checkTolerations(annotations[TOLERATIONS], path, errors);
  if (has(DELETION_COST) && !isDeletionCost(annotations[DELETION_COST]!))
    errors.push(invalidField(`${path}[${DELETION_COST}]`, annotations[DELETION_COST], 'must be a 32bit integer'));
  if (has(SECCOMP_POD)) checkSeccomp(annotations[SECCOMP_POD]!, `${path}.${SECCOMP_POD}`, errors);
  let containers: ReadonlySet<string> | undefined;
  for (const key in annotations) {
    if (key.startsWith(SECCOMP_CONTAINER)) checkSeccomp(annotations[key]!, `${path}.${key}`, errors);
    else if (key.startsWith(APP_ARMOR_CONTAINER)) {
      containers ??= containerNames(spec);
      checkAppArmor(key, annotations[key]!, containers, path, errors);
    }
  }
}

const containerNames = (spec: V1PodSpec | undefined): ReadonlySet<string> =>
  new Set(
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])].map(({ name }) => name),
  );

function checkTolerations(text: string, path: string, errors: FieldError[]): void {
  let tolerations: unknown;
  try {
    tolerations = JSON.parse(text);
  } catch (error) {
    errors.push(invalidField(path, TOLERATIONS, (error as Error).message));
    return;
  }
  const list = Array.isArray(tolerations) ? tolerations.map((one) => withTexts(one, ['key', 'operator', 'value', 'effect'])) : [];
  if (!Array.isArray(tolerations) || list.includes(undefined))
    errors.push(invalidField(path, TOLERATIONS, 'must be a list of tolerations'));
  else validateTolerations(list as V1Toleration[], `${path}.${TOLERATIONS}`, errors);
}

function checkSeccomp(profile: string, field: string, errors: FieldError[]): void {
  if (profile === 'runtime/default' || profile === 'docker/default' || profile === 'unconfined') return;
  if (profile.startsWith(LOCALHOST)) checkDescendingPath(profile.slice(LOCALHOST.length), field, errors);
  else errors.push(invalidField(field, profile, 'must be a valid seccomp profile'));
}

function checkAppArmor(key: string, profile: string, containers: ReadonlySet<string>, path: string, errors: FieldError[]): void {
  const name = key.slice(APP_ARMOR_CONTAINER.length);
  if (!containers.has(name)) errors.push(invalidField(`${path}[${key}]`, name, 'container not found'));
  if (profile !== '' && profile !== 'runtime/default' && profile !== 'unconfined' && !profile.startsWith(LOCALHOST))
    errors.push(invalidField(`${path}[${key}]`, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
}

/**
 * Complaints about annotations that say what a pod is and so never change (ValidatePodSpecificAnnotationUpdates): a mirror pod opens
 * nothing to its node, and must not become an ordinary one by a write of its status.
 */
export function validatePodAnnotationsUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const after = updated.metadata.annotations ?? {};
  const before = existing.metadata.annotations ?? {};
  const errors: FieldError[] = [];
  const forbid = (key: string, verb: string) => {
    const what = key === MIRROR_POD ? 'mirror pod annotation' : key.startsWith(APP_ARMOR_CONTAINER) ? 'AppArmor annotations' : '';
    if (what) errors.push(forbiddenField(`metadata.annotations[${key}]`, `may not ${verb} ${what}`));
  };
  for (const key in before) if (!Object.hasOwn(after, key) || after[key] !== before[key]) forbid(key, 'remove or update');
  for (const key in after) if (!Object.hasOwn(before, key)) forbid(key, 'add');
  return errors;
}

const MISMATCH = (what: string, of: string) => `${what} ${of} in annotation and field must match`;

/** The old way of naming a profile and the new one must say the same. `path` is the spec's. */
export function checkProfilesMatch(
  metadata: V1ObjectMeta | undefined,
  spec: V1PodSpec,
  path: string,
  errors: FieldError[],
): void {
  const annotations = metadata?.annotations;
  if (!annotations) return;
  const of = (key: string) => (Object.hasOwn(annotations, key) ? annotations[key] : undefined);
  const ofPod = spec.securityContext;
  matchProfile('seccomp', of(SECCOMP_POD), ofPod?.seccompProfile, `${path}.securityContext.seccompProfile`, errors);
  eachContainer(spec, path, ({ name, securityContext }, at) => {
    const own = `${at}.securityContext`;
    matchProfile('seccomp', of(SECCOMP_CONTAINER + name), securityContext?.seccompProfile, `${own}.seccompProfile`, errors);
  });
  if (spec.os?.name === 'windows') return;
  eachContainer(spec, path, ({ name, securityContext }, at) => {
    const profile = securityContext?.appArmorProfile ?? ofPod?.appArmorProfile;
    matchProfile('apparmor', of(APP_ARMOR_CONTAINER + name), profile, `${at}.securityContext.appArmorProfile`, errors);
  });
}

function matchProfile(
  what: 'seccomp' | 'apparmor',
  annotation: string | undefined,
  profile: V1SeccompProfile | V1AppArmorProfile | undefined,
  path: string,
  errors: FieldError[],
): void {
  if (annotation === undefined || !profile) return;
  const sameType = {
    Unconfined: annotation === 'unconfined',
    RuntimeDefault: annotation === 'runtime/default' || (what === 'seccomp' && annotation === 'docker/default'),
    Localhost: annotation.startsWith(LOCALHOST),
  }[profile.type];
  if (sameType === false) errors.push(forbiddenField(`${path}.type`, MISMATCH(what, 'type')));
  else if (profile.type === 'Localhost' && annotation.slice(LOCALHOST.length) !== profile.localhostProfile)
    errors.push(forbiddenField(`${path}.localhostProfile`, MISMATCH(what, 'profile')));
}
