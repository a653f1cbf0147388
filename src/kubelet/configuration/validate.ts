import { isIP } from 'node:net';
import { CodedError } from '../../std/coded-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { Field, FieldTable } from './field-schema.ts';
import { kubeletConfigurationFields } from './fields.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

type Fields = Record<string, unknown>;

const EVICTION_SIGNAL =
  /^(memory\.available|allocatableMemory\.available|(nodefs|imagefs|containerfs)\.(available|inodesFree)|pid\.available)$/;

/**
 * Checks values and combinations as upstream does at start.
 *
 * @throws CodedError with every mistake, each naming its field
 */
export function validateKubeletConfiguration(configuration: KubeletConfiguration): void {
  const mistakes = [...checkTable(kubeletConfigurationFields, configuration, ''), ...checkCombinations(configuration)];
  if (mistakes.length === 0) return;
  const texts = mistakes.map((mistake) => `invalid configuration: ${mistake}`);
  throw new CodedError(
    `failed to validate kubelet configuration, error: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`,
    { code: 'KUBELET_CONFIGURATION_INVALID' },
  );
}

function checkTable(table: FieldTable, values: Readonly<Fields>, path: string): string[] {
  const mistakes: string[] = [];
  for (const [name, field] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined) continue;
    const at = path ? `${path}.${name}` : name;
    if (typeof field.type === 'object' && 'object' in field.type)
      mistakes.push(...checkTable(field.type.object, value as Fields, at));
    else {
      const mistake = checkValue(field, value, field.flag ? `${at} (--${field.flag})` : at);
      if (mistake) mistakes.push(mistake);
    }
  }
  return mistakes;
}

function checkValue(field: Field, value: unknown, label: string): string | undefined {
  if (field.oneOf && !field.oneOf.includes(value as string)) {
    const choices = field.oneOf.filter((choice) => choice !== '').map((choice) => JSON.stringify(choice));
    return `${label} ${JSON.stringify(value)} must be one of ${choices.join(', ')}`;
  }
  const amount = field.type === 'duration' ? parseGoDuration(value as string) / 1000 : value;
  if (typeof amount !== 'number') return undefined;
  const { min, max } = field;
  const unit = field.type === 'duration' ? 's' : '';
  if ((min !== undefined && amount < min) || (max !== undefined && amount > max)) {
    if (min === 0 && max === undefined) return `${label} ${String(value)} must not be a negative number`;
    return `${label} ${String(value)} must be ${
      max === undefined ? `at least ${min}${unit}` : `between ${min}${unit} and ${max}${unit}, inclusive`
    }`;
  }
  return field.type === 'duration' && amount < 0 && label.startsWith('nodeStatus')
    ? `${label} ${String(value)} must not be negative`
    : undefined;
}

function checkCombinations(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  const fields: Readonly<Fields> = c;
  const high = fields['imageGCHighThresholdPercent'] as number;
  const low = fields['imageGCLowThresholdPercent'] as number;
  if (low >= high)
    mistakes.push(
      `imageGCLowThresholdPercent (--image-gc-low-threshold) ${low} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${high}`,
    );
  for (const name of ['address', 'healthzBindAddress'] as const)
    if (!isIP(c[name])) mistakes.push(`${name} ${JSON.stringify(c[name])} must be an IP address`);
  for (const server of c.clusterDNS ?? [])
    if (!isIP(server)) mistakes.push(`clusterDNS (--cluster-dns) ${JSON.stringify(server)} must be an IP address`);
  if (Boolean(c.tlsCertFile) !== Boolean(c.tlsPrivateKeyFile))
    mistakes.push('tlsCertFile (--tls-cert-file) and tlsPrivateKeyFile (--tls-private-key-file) must be given together');
  if (c.serverTLSBootstrap && c.featureGates?.['RotateKubeletServerCertificate'] === false)
    mistakes.push('serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate');
  const enforced = (fields['enforceNodeAllocatable'] as string[] | undefined) ?? [];
  const enforceable = [
    'none',
    'pods',
    'system-reserved',
    'system-reserved-compressible',
    'kube-reserved',
    'kube-reserved-compressible',
  ];
  for (const level of enforced)
    if (!enforceable.includes(level))
      mistakes.push(`enforceNodeAllocatable (--enforce-node-allocatable) option ${JSON.stringify(level)} is not supported`);
  if (fields['serializeImagePulls'] === true && ((fields['maxParallelImagePulls'] as number | undefined) ?? 1) > 1)
    mistakes.push('maxParallelImagePulls cannot be larger than 1 unless serializeImagePulls (--serialize-image-pulls) is false');
  for (const name of ['evictionHard', 'evictionSoft', 'evictionMinimumReclaim'] as const)
    for (const [signal, amount] of Object.entries((fields[name] as Record<string, string> | undefined) ?? {})) {
      if (!EVICTION_SIGNAL.test(signal)) mistakes.push(`${name} has unknown eviction signal ${JSON.stringify(signal)}`);
      else if (!/^\d+(\.\d+)?(%|[KMGTPE]i?|[kmun]|e\d+)?$/.test(amount))
        mistakes.push(`${name}.${signal} ${JSON.stringify(amount)} must be a quantity or a percentage`);
    }
  for (const taint of c.registerWithTaints ?? [])
    if (!taint.key || !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(taint.effect))
      mistakes.push(
        `registerWithTaints ${JSON.stringify(taint)} must have a key and the effect NoSchedule, PreferNoSchedule or NoExecute`,
      );
  return mistakes;
}
