import type { FieldError } from '../../machinery/status-error.ts';

type Matches = (error: FieldError) => boolean;

/** In characters. A path that is longer has a key in it that nobody could store; to look for a pattern everywhere in it takes minutes. */
const LONGEST_PATH = 1000;

const at =
  (field: RegExp, message?: RegExp): Matches =>
  (error) =>
    error.field.length <= LONGEST_PATH && field.test(error.field) && (!message || message.test(error.message));

/**
 * Faults by rules that are younger than some stored pods, which cannot be mended there (pkg/api/pod
 * GetValidationOptionsFromPodSpecAndMeta). Each is a fault of its own: one that has it is excused all of that sort.
 */
const YOUNG_RULES: readonly Matches[] = [
  at(/\.nodeAffinity\.required.*\.matchExpressions\[\d+\]\.values\[\d+\]$/),
  at(/\.pod(Anti)?Affinity\..*\.(label|namespace)Selector\.matchExpressions\[\d+\]\.values\[\d+\]$/),
  at(/\.topologySpreadConstraints\[\d+\]\.labelSelector\b/),
  at(/\.topologySpreadConstraints\[\d+\]\[\d+\]$/, /: exists in both matchLabelKeys and labelSelector$/),
  at(/\.volumes\[\d+\]\.projected\.path$/, /^Invalid value: /),
  at(/\.sysctls\[\d+\]\.name$/, /: may not be specified when 'host(Network|IPC)' is true$/),
  at(/\.volumeDevices$/, /: when `hostUsers` is false$/),
  at(/\.resizePolicy\[\d+\]\.restartPolicy$/, /: must not be set to 'RestartContainer' for non-sidecar initContainers$/),
  at(/\.tolerations\[\d+\]\.operator$/, /^Unsupported value: "(Lt|Gt)"/),
  at(/\.annotations\[controller\.kubernetes\.io\/pod-deletion-cost\]$/),
  at(/\.resources\.(limits|requests)\[hugepages-/, / is not positive integer multiple of /),
];

/**
 * What is left of the complaints about a pod or a template when what is stored already has its faults excused.
 * @param ofStored says what is wrong with what is stored; asked only where that matters
 */
export function excuseStored(errors: FieldError[], ofStored: () => readonly FieldError[]): FieldError[] {
  if (!errors.some((error) => YOUNG_RULES.some((matches) => matches(error)))) return errors;
  const stored = ofStored();
  const excused = YOUNG_RULES.filter((matches) => stored.some(matches));
  const same = new Set(stored.filter(isFollowing).map(({ field, message }) => `${field}: ${message}`));
  return errors.filter(
    (error) =>
      !excused.some((matches) => matches(error)) && !(isFollowing(error) && same.has(`${error.field}: ${error.message}`)),
  );
}

/** A volume that there are complaints about is not there for those who mount it. */
const isFollowing = at(/\.volumeMounts\[\d+\]\.name$/, /^Not found: /);
