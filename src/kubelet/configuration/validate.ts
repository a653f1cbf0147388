import { isIP } from 'node:net';
import type { Field, FieldTable } from '../../api/configuration/field-schema.ts';
import { CodedError } from '../../std/coded-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { kubeletConfigurationFields } from './fields.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';
import { checkEviction } from './validate-eviction.ts';
import { checkLogs } from './validate-logs.ts';
import { checkPolicies } from './validate-policies.ts';
import { checkReservations } from './validate-reservations.ts';
import { checkShutdown } from './validate-shutdown.ts';

type Fields = Record<string, unknown>;

/**
 * Checks values and combinations as upstream's ValidateKubeletConfiguration does, in its words.
 *
 * @throws CodedError with every mistake, each naming its field
 */
export function validateKubeletConfiguration(configuration: KubeletConfiguration): void {
  const mistakes = [
    ...checkTable(kubeletConfigurationFields, configuration, ''),
    ...checkNumbers(configuration),
    ...checkAddresses(configuration),
    ...checkPolicies(configuration),
    ...checkShutdown(configuration),
    ...checkReservations(configuration),
    ...checkEviction(configuration),
    ...checkLogs(configuration),
  ];
  if (mistakes.length === 0) return;
  const texts = mistakes.map((mistake) => (mistake.startsWith('invalid ') ? mistake : `invalid configuration: ${mistake}`));
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
  const amount = field.type === 'duration' ? parseGoDuration(value as string) : value;
  if (typeof amount !== 'number') return undefined;
  // Upstream runs with some of these; none of them has a meaning.
  if (field.type === 'duration') return amount < 0 ? `${label} ${String(value)} must not be negative` : undefined;
  const { min, max } = field;
  if ((min === undefined || amount >= min) && (max === undefined || amount <= max)) return undefined;
  if (min === 0 && max === undefined) return `${label} ${String(value)} must not be a negative number`;
  return `${label} ${String(value)} must be between ${min} and ${max}, inclusive`;
}

function checkNumbers(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  if (c.nodeLeaseDurationSeconds <= 0) mistakes.push('nodeLeaseDurationSeconds must be greater than 0');
  if (c.healthzPort < 0 || c.healthzPort > 65_535)
    mistakes.push(`healthzPort (--healthz-port) ${c.healthzPort} must be between 1 and 65535, inclusive`);
  const periodMs = parseGoDuration(c.cpuCFSQuotaPeriod);
  if (c.featureGates?.['CustomCPUCFSQuotaPeriod'] !== true) {
    if (periodMs !== 100)
      mistakes.push(
        `cpuCFSQuotaPeriod (--cpu-cfs-quota-period) ${c.cpuCFSQuotaPeriod} requires feature gate CustomCPUCFSQuotaPeriod`,
      );
  } else if (periodMs < 1 || periodMs > 1000)
    mistakes.push(`cpuCFSQuotaPeriod (--cpu-cfs-quota-period) ${c.cpuCFSQuotaPeriod} must be between 1ms and 1sec, inclusive`);
  if (c.nodeStatusMaxImages < -1)
    mistakes.push(`nodeStatusMaxImages (--node-status-max-images) ${c.nodeStatusMaxImages} must be -1 or greater`);
  if (c.imageGCLowThresholdPercent >= c.imageGCHighThresholdPercent)
    mistakes.push(
      `imageGCLowThresholdPercent (--image-gc-low-threshold) ${c.imageGCLowThresholdPercent} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${c.imageGCHighThresholdPercent}`,
    );
  const oldestMs = parseGoDuration(c.imageMaximumGCAge);
  if (oldestMs > 0 && oldestMs <= parseGoDuration(c.imageMinimumGCAge))
    mistakes.push(`imageMaximumGCAge ${c.imageMaximumGCAge} must be greater than imageMinimumGCAge ${c.imageMinimumGCAge}`);
  if (c.maxParallelImagePulls !== undefined && c.maxParallelImagePulls < 1)
    mistakes.push(`maxParallelImagePulls ${c.maxParallelImagePulls} must be a positive number`);
  if (c.serializeImagePulls && (c.maxParallelImagePulls ?? 1) > 1)
    mistakes.push(
      'maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false',
    );
  const restartMs = parseGoDuration(c.crashLoopBackOff.maxContainerRestartPeriod ?? '5m0s');
  if (restartMs < 1000 || restartMs > 300_000)
    mistakes.push(
      `CrashLoopBackOff.MaxContainerRestartPeriod (got: ${restartMs / 1000} seconds) must be set between 1s and 300s`,
    );
  if (c.memoryThrottlingFactor <= 0 || c.memoryThrottlingFactor > 1)
    mistakes.push(`memoryThrottlingFactor ${c.memoryThrottlingFactor} must be greater than 0 and less than or equal to 1.0`);
  return mistakes;
}

function checkAddresses(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  for (const name of ['address', 'healthzBindAddress'] as const)
    if (!isIP(c[name])) mistakes.push(`${name} ${JSON.stringify(c[name])} must be an IP address`);
  for (const server of c.clusterDNS ?? [])
    if (!isIP(server)) mistakes.push(`clusterDNS (--cluster-dns) ${JSON.stringify(server)} must be an IP address`);
  if (Boolean(c.tlsCertFile) !== Boolean(c.tlsPrivateKeyFile))
    mistakes.push('tlsCertFile (--tls-cert-file) and tlsPrivateKeyFile (--tls-private-key-file) must be given together');
  if (c.serverTLSBootstrap && c.featureGates?.['RotateKubeletServerCertificate'] === false)
    mistakes.push('serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate');
  if (c.containerRuntimeEndpoint === '') mistakes.push('the containerRuntimeEndpoint was not specified or empty');
  else if (!/^(unix:\/\/)?\//.test(c.containerRuntimeEndpoint))
    mistakes.push(
      `containerRuntimeEndpoint (--container-runtime-endpoint) ${JSON.stringify(c.containerRuntimeEndpoint)} must be a unix socket: unix:///run/containerd/containerd.sock`,
    );
  return mistakes;
}
