import { DEFAULT_PLUGINS, DEFAULT_SCHEDULER_NAME, EXTENSION_POINTS } from '../framework/default-profile.ts';
import { DEFAULT_PREEMPTION } from '../framework/profile.ts';
import { CPU_AND_MEMORY } from '../plugins/resource-scoring.ts';
import { BIND_TIMEOUT_MS } from '../volumes/volume-plugins.ts';
import type { WrittenProfile } from './create-profile.ts';
import type { WrittenExtender } from './http-extender.ts';
import { pluginsEverywhere, type WrittenPluginSet } from './profile-plugins.ts';
import type { Arguments } from './validate-arguments.ts';
import type { WrittenConfiguration } from './validate-configuration.ts';

/** What is not said in a file: by flags, or upstream's. */
export interface ShownDefaults {
  readonly kubeconfig: string;
  readonly leaderElection: NonNullable<WrittenConfiguration['leaderElection']>;
  /** Undefined: no limit. */
  readonly limit: { readonly qps: number; readonly burst: number } | undefined;
}

/** What holds, as `/configz` shows it: by Go's names for the fields, as upstream's internal type has no others. Keys are not shown. */
export function shownConfiguration(
  written: WrittenConfiguration,
  args: readonly ReadonlyMap<string, { readonly value: Arguments }>[],
  defaults: ShownDefaults,
): object {
  const { profiles = [], extenders = [], clientConnection = {}, leaderElection } = written;
  return {
    Parallelism: written.parallelism,
    LeaderElection: goNames({ ...defaults.leaderElection, ...leaderElection }),
    ClientConnection: {
      Kubeconfig: clientConnection.kubeconfig ?? defaults.kubeconfig,
      QPS: defaults.limit?.qps ?? -1,
      Burst: defaults.limit?.burst ?? 0,
    },
    PercentageOfNodesToScore: written.percentageOfNodesToScore ?? 0,
    PodInitialBackoffSeconds: written.podInitialBackoffSeconds,
    PodMaxBackoffSeconds: written.podMaxBackoffSeconds,
    Profiles: profiles.map((profile, i) => shownProfile(profile, args[i]!)),
    Extenders: extenders.length ? extenders.map(shownExtender) : null,
  };
}

const DEFAULT_ARGUMENTS: Readonly<Record<string, Arguments>> = {
  DefaultPreemption: { ...DEFAULT_PREEMPTION },
  DynamicResources: { filterTimeout: '10s', bindingTimeout: '10m0s' },
  InterPodAffinity: { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
  NodeAffinity: { addedAffinity: null },
  NodeResourcesBalancedAllocation: { resources: CPU_AND_MEMORY },
  NodeResourcesFit: {
    ignoredResources: null,
    ignoredResourceGroups: null,
    scoringStrategy: { type: 'LeastAllocated', resources: CPU_AND_MEMORY, requestedToCapacityRatio: null },
  },
  PodTopologySpread: { defaultConstraints: null, defaultingType: 'System' },
  VolumeBinding: { bindTimeoutSeconds: BIND_TIMEOUT_MS / 1000 },
};

function shownProfile(profile: WrittenProfile, args: ReadonlyMap<string, { readonly value: Arguments }>): object {
  const { schedulerName = DEFAULT_SCHEDULER_NAME, percentageOfNodesToScore = null, plugins = {} } = profile;
  const points = EXTENSION_POINTS.map((point) => [goName(point), shownSet(plugins[point] ?? {})]);
  const everywhere = pluginsEverywhere(plugins.multiPoint ?? {});
  const names = DEFAULT_PLUGINS.map(({ name }) => name).filter((name) => DEFAULT_ARGUMENTS[name] || args.has(name));
  return {
    SchedulerName: schedulerName,
    PercentageOfNodesToScore: percentageOfNodesToScore,
    Plugins: { ...Object.fromEntries(points), MultiPoint: shownSet({ ...plugins.multiPoint, enabled: everywhere }) },
    PluginConfig: names.sort().map((Name) => {
      const { kind: _, apiVersion: __, ...given } = args.get(Name)?.value ?? {};
      return { Name, Args: goNames({ ...DEFAULT_ARGUMENTS[Name], ...given }) };
    }),
  };
}

const shownSet = ({ enabled, disabled }: WrittenPluginSet) => {
  const show = (list: WrittenPluginSet['enabled']) =>
    list?.length ? list.map(({ name = '', weight = 0 }) => ({ Name: name, Weight: weight })) : null;
  return { Enabled: show(enabled), Disabled: show(disabled) };
};

function shownExtender({ tlsConfig, ...rest }: WrittenExtender): unknown {
  const { keyData, ...shown } = tlsConfig ?? {};
  return goNames({ ...rest, tlsConfig: tlsConfig ? { ...shown, ...(keyData && { keyData: null }) } : null });
}

const GO_NAMES: Readonly<Record<string, string>> = { urlPrefix: 'URLPrefix', tlsConfig: 'TLSConfig', httpTimeout: 'HTTPTimeout' };
/** Of the API's own types, which keep their names. */
const KEEP_NAMES = new Set(['addedAffinity', 'defaultConstraints']);

const goName = (name: string) =>
  GO_NAMES[name] ?? name.replace(/^ca(?=[FD])/, 'CA').replace(/^[a-z]/, (letter) => letter.toUpperCase());

function goNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(goNames);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [goName(name), KEEP_NAMES.has(name) ? inner : goNames(inner)]),
  );
}
