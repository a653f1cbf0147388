/** Volumes made of several sources, and files that they are made of (core/validation validateProjectionSources). */
import type {
  V1ClusterTrustBundleProjection,
  V1DownwardAPIVolumeFile,
  V1KeyToPath,
  V1PodCertificateProjection,
  V1ProjectedVolumeSource,
  V1ServiceAccountTokenProjection,
  V1VolumeProjection,
} from '../../gen/types.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDnsSubdomain } from '../../machinery/names.ts';
import { validateSignerName } from '../../machinery/signer-name.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkFieldRef, checkResourceFieldRef, VOLUME_FIELDS } from './environment-validation.ts';
import { checkFileMode, checkUnreservedPath } from './local-path.ts';

export function checkKeyToPath({ key, path: file, mode }: V1KeyToPath, path: string, errors: FieldError[]): void {
  if (!key) errors.push(requiredField(`${path}.key`));
  if (!file) errors.push(requiredField(`${path}.path`));
  checkUnreservedPath(file, `${path}.path`, errors);
  checkFileMode(mode, `${path}.mode`, errors);
}

export function validateDownwardFile(file: V1DownwardAPIVolumeFile, path: string, errors: FieldError[]): void {
  const { fieldRef, resourceFieldRef } = file;
  if (!file.path) errors.push(requiredField(`${path}.path`));
  checkUnreservedPath(file.path, `${path}.path`, errors);
  if (fieldRef) {
    checkFieldRef(fieldRef, VOLUME_FIELDS, `${path}.fieldRef`, errors);
    if (resourceFieldRef)
      errors.push(invalidField(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (resourceFieldRef) checkResourceFieldRef(resourceFieldRef, `${path}.resourceFieldRef`, errors, true);
  else errors.push(requiredField(path, 'one of fieldRef and resourceFieldRef is required'));
  checkFileMode(file.mode, `${path}.mode`, errors);
}

/** The paths of one volume; a second file at one of them is complained about, naming what upstream names. */
class TakenPaths {
  readonly #taken = new Set<string>();
  readonly #field: string;
  readonly #errors: FieldError[];

  constructor(field: string, errors: FieldError[]) {
    this.#field = field;
    this.#errors = errors;
  }

  take(path: string, named: string): void {
    if (this.#taken.has(path)) this.#errors.push(invalidField(this.#field, named, 'conflicting duplicate paths'));
    this.#taken.add(path);
  }
}

export function validateProjectedSources(
  { defaultMode, sources }: V1ProjectedVolumeSource,
  path: string,
  _: unknown,
  errors: FieldError[],
): void {
  checkFileMode(defaultMode, `${path}.defaultMode`, errors);
  const paths = new TakenPaths(path, errors);
  sources?.forEach((source, i) => {
    checkProjection(source, path, `${path}.sources[${i}]`, paths, errors);
  });
}

function checkProjection(
  source: V1VolumeProjection,
  volume: string,
  path: string,
  paths: TakenPaths,
  errors: FieldError[],
): void {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  for (const [name, keyed] of [
    ['secret', secret],
    ['configMap', configMap],
  ] as const) {
    if (!keyed) continue;
    if (!keyed.name) errors.push(requiredField(`${path}.${name}.name`));
    keyed.items?.forEach((item, i) => {
      checkKeyToPath(item, `${path}.${name}.items[${i}]`, errors);
      if (item.path) paths.take(item.path, keyed.name ?? '');
    });
  }
  if (downwardAPI)
    for (const file of downwardAPI.items ?? []) {
      validateDownwardFile(file, `${path}.downwardAPI`, errors);
      if (file.path) paths.take(file.path, file.path);
    }
  if (serviceAccountToken) checkToken(serviceAccountToken, volume, `${path}.serviceAccountToken`, errors);
  if (clusterTrustBundle) {
    checkTrustBundle(clusterTrustBundle, `${path}.clusterTrustBundle`, errors);
    paths.take(clusterTrustBundle.path, clusterTrustBundle.path);
  }
  if (podCertificate) checkPodCertificate(podCertificate, `${path}.podCertificate`, paths, errors);
  if (Object.keys(source).length > 1) errors.push(forbiddenField(path, 'may not specify more than 1 volume type per source'));
}

const SHORTEST_TOKEN_SECONDS = 600;
const LONGEST_TOKEN_SECONDS = 2 ** 32;

function checkToken(token: V1ServiceAccountTokenProjection, volume: string, path: string, errors: FieldError[]): void {
  const { expirationSeconds = 0 } = token;
  if (expirationSeconds < SHORTEST_TOKEN_SECONDS)
    errors.push(invalidField(`${path}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  if (expirationSeconds > LONGEST_TOKEN_SECONDS)
    errors.push(
      invalidField(`${path}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'),
    );
  if (!token.path) errors.push(requiredField(`${volume}.path`));
  else checkUnreservedPath(token.path, `${volume}.path`, errors);
}

function checkTrustBundle(bundle: V1ClusterTrustBundleProjection, path: string, errors: FieldError[]): void {
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined)
    errors.push(invalidField(path, bundle, 'only one of name and signerName may be used'));
  else if (name !== undefined) {
    if (name === '') errors.push(requiredField(`${path}.name`, 'must be a valid object name'));
    // `example.com:signer:name` belongs to a signer, and its last part is checked like any other name.
    for (const complaint of checkDnsSubdomain(name.slice(name.lastIndexOf(':') + 1)))
      errors.push(invalidField(`${path}.name`, name, `not a valid clustertrustbundlename: ${complaint}`));
    if (labelSelector)
      errors.push(invalidField(`${path}.labelSelector`, labelSelector, 'labelSelector must be unset if name is specified'));
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(requiredField(`${path}.signerName`, 'must be a valid signer name'));
    addErrors(errors, validateSignerName(signerName, `${path}.signerName`));
    addErrors(errors, validateLabelSelector(labelSelector, `${path}.labelSelector`));
  } else errors.push(requiredField(path, 'either name or signerName must be specified'));
  if (!bundle.path) errors.push(requiredField(`${path}.path`));
  checkUnreservedPath(bundle.path, `${path}.path`, errors);
}

const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const SHORTEST_CERTIFICATE_SECONDS = 3600;
const LONGEST_CERTIFICATE_SECONDS = 91 * 86_400;

function checkPodCertificate(
  certificate: V1PodCertificateProjection,
  path: string,
  paths: TakenPaths,
  errors: FieldError[],
): void {
  const { signerName, keyType, maxExpirationSeconds: seconds } = certificate;
  addErrors(errors, validateSignerName(signerName, `${path}.signerName`));
  if (!KEY_TYPES.includes(keyType)) errors.push(notSupportedField(`${path}.keyType`, keyType, KEY_TYPES));
  if (seconds !== undefined && seconds < SHORTEST_CERTIFICATE_SECONDS)
    errors.push(
      invalidField(
        `${path}.maxExpirationSeconds`,
        seconds,
        `if provided, maxExpirationSeconds must be >= ${SHORTEST_CERTIFICATE_SECONDS}`,
      ),
    );
  if (seconds !== undefined && seconds > LONGEST_CERTIFICATE_SECONDS)
    errors.push(
      invalidField(
        `${path}.maxExpirationSeconds`,
        seconds,
        `if provided, maxExpirationSeconds must be <= ${LONGEST_CERTIFICATE_SECONDS}`,
      ),
    );
  let files = 0;
  for (const field of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    const file = certificate[field];
    if (!file) continue;
    files++;
    checkUnreservedPath(file, `${path}.${field}`, errors);
    paths.take(file, file);
  }
  if (!files) errors.push(requiredField(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
}
