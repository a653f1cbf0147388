import { readFile } from 'node:fs/promises';
import { readConfiguration } from '../../api/configuration/read-configuration.ts';
import { withDefaults } from '../../api/configuration/with-defaults.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Extender } from '../framework/extender.ts';
import type { Profile } from '../framework/profile.ts';
import type { VolumePluginContext } from '../volumes/volume-plugins.ts';
import { readProfile, type WrittenProfile } from './create-profile.ts';
import { schedulerFields } from './fields.ts';
import { createHttpExtender, type WrittenExtender } from './http-extender.ts';
import { invalid } from './invalid-setting.ts';

export interface SchedulerConfiguration {
  readonly profiles: (volumes: VolumePluginContext) => readonly Profile[];
  readonly extenders: readonly Extender[];
  readonly queue: { readonly initialBackoffMs: number; readonly maxBackoffMs: number };
  readonly kubeconfig: string | undefined;
  /** Requests a second; undefined: no limit. */
  readonly limit: { readonly qps: number; readonly burst: number } | undefined;
  /** As it is written: what is left out is upstream's default. */
  readonly leaderElection: {
    readonly leaderElect?: boolean;
    readonly leaseDuration?: string;
    readonly renewDeadline?: string;
    readonly retryPeriod?: string;
    readonly resourceLock?: string;
    readonly resourceName?: string;
    readonly resourceNamespace?: string;
  };
  /** Fields that are written and that change nothing here, by their paths. */
  readonly withoutEffect: readonly string[];
}

/**
 * Reads a KubeSchedulerConfiguration from a JSON or YAML file.
 *
 * @throws CodedError naming the file and the field
 */
export async function readSchedulerConfiguration(path: string): Promise<SchedulerConfiguration> {
  try {
    return await parseSchedulerConfiguration(await readFile(path, 'utf8'));
  } catch (cause) {
    const message = `failed to load kube-scheduler config file, path: ${path}, error: ${(cause as Error).message}`;
    throw new CodedError(message, { code: 'CONFIGURATION_INVALID', cause });
  }
}

/** The same, from the text of such a file. */
export async function parseSchedulerConfiguration(text: string): Promise<SchedulerConfiguration> {
  const { given } = await readConfiguration(text, {
    kind: 'KubeSchedulerConfiguration',
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    fields: schedulerFields,
    retiredFields: {},
  });
  const complete = withDefaults(schedulerFields, given) as {
    parallelism: number;
    podInitialBackoffSeconds: number;
    podMaxBackoffSeconds: number;
    percentageOfNodesToScore?: number;
    profiles?: WrittenProfile[];
    extenders?: WrittenExtender[];
    clientConnection?: { kubeconfig?: string; qps?: number; burst?: number };
    leaderElection?: SchedulerConfiguration['leaderElection'];
  };
  const { parallelism, podInitialBackoffSeconds: initial, podMaxBackoffSeconds: longest, clientConnection } = complete;
  if (parallelism <= 0) throw invalid('parallelism', parallelism, 'should be an integer value greater than zero');
  if (initial <= 0) throw invalid('podInitialBackoffSeconds', initial, 'must be greater than 0');
  if (longest < initial)
    throw invalid('podMaxBackoffSeconds', longest, 'must be greater than or equal to PodInitialBackoffSeconds');
  const percentage = complete.percentageOfNodesToScore ?? 0;
  if (percentage < 0 || percentage > 100) throw invalid('percentageOfNodesToScore', percentage, 'not in valid range [0-100]');
  const written = complete.profiles?.length ? complete.profiles : [{}];
  const makers = written.map((profile, i) => readProfile(profile, { at: `profiles[${i}]`, percentage }));
  checkNames(written);
  const { qps } = clientConnection ?? {};
  return {
    profiles: (volumes) => makers.map((make) => make(volumes)),
    extenders: await readExtenders(complete.extenders ?? []),
    queue: { initialBackoffMs: initial * 1000, maxBackoffMs: longest * 1000 },
    kubeconfig: clientConnection?.kubeconfig,
    limit: qps && qps > 0 ? { qps, burst: clientConnection?.burst ?? 100 } : undefined,
    leaderElection: complete.leaderElection ?? {},
    withoutEffect: IDLE_FIELDS.filter((path) => isWritten(given, path.split('.'))),
  };
}

const IDLE_FIELDS: readonly string[] = [
  'clientConnection.acceptContentTypes',
  'clientConnection.contentType',
  'delayCacheUntilActive',
  'enableContentionProfiling',
  'enableProfiling',
];

function isWritten(given: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return given !== undefined && given !== false && given !== '';
  return typeof given === 'object' && given !== null && isWritten((given as Record<string, unknown>)[name], rest);
}

function checkNames(profiles: readonly WrittenProfile[]): void {
  const seen = new Set<string>();
  for (const [i, { schedulerName }] of profiles.entries()) {
    if (profiles.length > 1 && !schedulerName) throw invalid(`profiles[${i}].schedulerName`, schedulerName, 'Required value');
    if (seen.has(schedulerName ?? '')) throw invalid(`profiles[${i}].schedulerName`, schedulerName, 'Duplicate value');
    seen.add(schedulerName ?? '');
  }
}

async function readExtenders(written: readonly WrittenExtender[]): Promise<readonly Extender[]> {
  const binders = written.filter(({ bindVerb }) => bindVerb).length;
  if (binders > 1)
    throw invalid('extenders', `found ${binders} extenders implementing bind`, 'only one extender can implement bind');
  return Promise.all(written.map((extender, i) => createHttpExtender(extender, `extenders[${i}]`)));
}
