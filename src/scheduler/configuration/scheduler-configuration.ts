import { readFile } from 'node:fs/promises';
import { readConfiguration } from '../../api/configuration/read-configuration.ts';
import { withDefaults } from '../../api/configuration/with-defaults.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Extender } from '../framework/extender.ts';
import type { Profile } from '../framework/profile.ts';
import type { VolumePluginContext } from '../volumes/volume-plugins.ts';
import { readPluginConfig, readProfile } from './create-profile.ts';
import { schedulerFields } from './fields.ts';
import { createHttpExtender } from './http-extender.ts';
import { refusal } from './invalid-setting.ts';
import { type ShownDefaults, shownConfiguration } from './shown-configuration.ts';
import { validateArguments } from './validate-arguments.ts';
import { validateConfiguration, type WrittenConfiguration } from './validate-configuration.ts';

export interface WrittenLeaderElection {
  readonly leaderElect?: boolean;
  readonly leaseDuration?: string;
  readonly renewDeadline?: string;
  readonly retryPeriod?: string;
  readonly resourceLock?: string;
  readonly resourceName?: string;
  readonly resourceNamespace?: string;
}

export interface SchedulerConfiguration {
  readonly profiles: (volumes: VolumePluginContext) => readonly Profile[];
  readonly extenders: readonly Extender[];
  readonly queue: { readonly initialBackoffMs: number; readonly maxBackoffMs: number };
  readonly kubeconfig: string | undefined;
  /** Requests a second; undefined: no limit. */
  readonly limit: { readonly qps: number; readonly burst: number } | undefined;
  /** As it is written: what is left out is upstream's default. */
  readonly leaderElection: WrittenLeaderElection;
  /** Fields that are written and that change nothing here, by their paths. */
  readonly withoutEffect: readonly string[];
  /** All of it as it holds, as `/configz` shows it. */
  readonly shown: (defaults: ShownDefaults) => object;
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

/** What holds where no file is named. */
export function emptyConfiguration(schedulerName: string): Promise<SchedulerConfiguration> {
  return parseSchedulerConfiguration(
    JSON.stringify({ apiVersion: API_VERSION, kind: 'KubeSchedulerConfiguration', profiles: [{ schedulerName }] }),
  );
}

const API_VERSION = 'kubescheduler.config.k8s.io/v1';

/** The same, from the text of such a file. */
export async function parseSchedulerConfiguration(text: string): Promise<SchedulerConfiguration> {
  const { given } = await readConfiguration(text, {
    kind: 'KubeSchedulerConfiguration',
    apiVersion: API_VERSION,
    fields: schedulerFields,
    retiredFields: {},
  });
  const complete = withDefaults(schedulerFields, given) as unknown as WrittenConfiguration;
  const { podInitialBackoffSeconds, podMaxBackoffSeconds, percentageOfNodesToScore = 0, clientConnection } = complete;
  const profiles = complete.profiles?.length ? complete.profiles : [{}];
  const args = profiles.map(({ pluginConfig = [] }, i) => readPluginConfig(pluginConfig, `profiles[${i}].pluginConfig`));
  const errors = [
    ...validateConfiguration({ ...complete, profiles }),
    ...args.flatMap((each) => [...each].flatMap(([name, { value, field }]) => validateArguments(name, value, field))),
  ];
  if (errors.length) throw refusal(errors);
  const extenders = complete.extenders ?? [];
  const ignoredResources = extenders.flatMap(({ managedResources = [] }) =>
    managedResources.flatMap(({ name, ignoredByScheduler }) => (name && ignoredByScheduler ? [name] : [])),
  );
  const makers = profiles.map((profile, i) =>
    readProfile(profile, { at: `profiles[${i}]`, percentage: percentageOfNodesToScore, args: args[i]!, ignoredResources }),
  );
  const { qps } = clientConnection ?? {};
  return {
    profiles: (volumes) => makers.map((make) => make(volumes)),
    extenders: await Promise.all(extenders.map((extender, i) => createHttpExtender(extender, `extenders[${i}]`))),
    queue: { initialBackoffMs: podInitialBackoffSeconds * 1000, maxBackoffMs: podMaxBackoffSeconds * 1000 },
    kubeconfig: clientConnection?.kubeconfig,
    limit: qps && qps > 0 ? { qps, burst: clientConnection?.burst ?? 100 } : undefined,
    leaderElection: complete.leaderElection ?? {},
    shown: (defaults) => shownConfiguration({ ...complete, profiles }, args, defaults),
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
