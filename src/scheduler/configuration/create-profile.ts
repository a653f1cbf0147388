import { readObject } from '../../api/configuration/read-configuration.ts';
import { duplicateField } from '../../api/machinery/field-error.ts';
import { ClaimBinder } from '../devices/claim-binder.ts';
import { createDynamicResources } from '../devices/dynamic-resources.ts';
import { DEFAULT_PLUGINS, DEFAULT_SCHEDULER_NAME } from '../framework/default-profile.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { nodeDeclaredFeatures } from '../plugins/node-declared-features.ts';
import { nodeName } from '../plugins/node-name.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { createVolumePlugins, type VolumePluginContext } from '../volumes/volume-plugins.ts';
import { pluginArguments } from './fields.ts';
import { invalid, refusal } from './invalid-setting.ts';
import {
  balancedFrom,
  bindingTimeoutFrom,
  bindTimeoutFrom,
  filterTimeoutFrom,
  fitFrom,
  interPodFrom,
  nodeAffinityFrom,
  preemptionFrom,
  spreadFrom,
} from './plugin-arguments.ts';
import { choosePlugins, type WrittenPlugins } from './profile-plugins.ts';
import type { Arguments } from './validate-arguments.ts';

export interface WrittenProfile {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: WrittenPlugins;
  readonly pluginConfig?: readonly { readonly name?: string; readonly args?: unknown }[];
}

export interface ProfileContext {
  /** Where the profile is, for errors: `profiles[0]`. */
  readonly at: string;
  /** Of the configuration as a whole. */
  readonly percentage: number;
  readonly args: ReadonlyMap<string, ReadArguments>;
  /** Resources that extenders see to; they go before those that the arguments name. */
  readonly ignoredResources: readonly string[];
}

/**
 * A profile as it is written, checked; what comes out makes it once there is something to write through.
 *
 * @throws CodedError naming the field
 */
export function readProfile(
  written: WrittenProfile,
  { at, percentage, args, ignoredResources }: ProfileContext,
): (volumes: VolumePluginContext) => Profile {
  const { schedulerName = DEFAULT_SCHEDULER_NAME } = written;
  const own = written.percentageOfNodesToScore ?? percentage;
  const choose = choosePlugins(written.plugins ?? {}, `${at}.plugins`);
  const made = <T>(name: string, make: (given: Arguments) => T): T => make(args.get(name)?.value ?? {});
  const preemption = made('DefaultPreemption', preemptionFrom);
  const bindTimeoutMs = made('VolumeBinding', bindTimeoutFrom);
  const devicesTimeoutMs = made('DynamicResources', bindingTimeoutFrom);
  const filterTimeoutMs = made('DynamicResources', filterTimeoutFrom);
  const rules: readonly Plugin[] = [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    made('NodeAffinity', nodeAffinityFrom),
    nodePorts,
    made('NodeResourcesFit', (given) => fitFrom(ignoredResources.length ? { ...given, ignoredResources } : given)),
    made('PodTopologySpread', spreadFrom),
    made('InterPodAffinity', interPodFrom),
    made('NodeResourcesBalancedAllocation', balancedFrom),
    imageLocality,
    nodeDeclaredFeatures,
  ];
  return (volumes) => {
    const writing = [
      ...createVolumePlugins(volumes, bindTimeoutMs),
      createDynamicResources(
        new ClaimBinder({ ...volumes, timeoutMs: devicesTimeoutMs }),
        volumes.assumedClaims,
        undefined,
        filterTimeoutMs,
      ),
    ];
    const known = new Map([...rules, ...writing].map((plugin) => [plugin.name, plugin]));
    // Of some points nothing is to be asked here: their plugins are built in.
    const pluginsAt = (point: Parameters<typeof choose>[0]) => choose(point).flatMap(({ name }) => known.get(name) ?? []);
    return {
      schedulerName,
      filters: pluginsAt('filter'),
      scores: choose('score').flatMap(({ name, weight }) => {
        const plugin = known.get(name);
        return plugin?.planScore ? [{ plugin, weight: weight || 1 }] : [];
      }),
      reserves: pluginsAt('reserve').filter(({ reserve }) => reserve),
      preemption: choose('postFilter').some(({ name }) => name === 'DefaultPreemption') ? preemption : undefined,
      percentageOfNodesToScore: own,
    };
  };
}

export interface ReadArguments {
  readonly value: Arguments;
  readonly field: string;
}

/** The arguments of plugins by the plugins' names, of right types. Throws a CodedError naming the field. */
export function readPluginConfig(
  written: NonNullable<WrittenProfile['pluginConfig']>,
  at: string,
): ReadonlyMap<string, ReadArguments> {
  const read = new Map<string, ReadArguments>();
  for (const [i, { name = '', args = {} }] of written.entries()) {
    const field = `${at}[${i}]`;
    if (read.has(name)) throw refusal([duplicateField(field, name)]);
    if (!DEFAULT_PLUGINS.some((plugin) => plugin.name === name)) throw invalid(`${field}.name`, name, 'plugin is not known');
    if (!Object.hasOwn(pluginArguments, name)) throw invalid(`${field}.name`, name, 'the plugin has no arguments');
    const value = readObject(pluginArguments[name]!, args, `${field}.args`);
    if (value['kind'] !== undefined && value['kind'] !== `${name}Args`)
      throw invalid(`${field}.args.kind`, value['kind'], `expected ${name}Args`);
    read.set(name, { value, field: `${field}.args` });
  }
  return read;
}
