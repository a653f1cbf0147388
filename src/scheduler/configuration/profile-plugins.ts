import { DEFAULT_PLUGINS, type ExtensionPoint } from '../framework/default-profile.ts';
import { invalid } from './invalid-setting.ts';

export interface WrittenPlugin {
  readonly name?: string;
  readonly weight?: number;
}
export interface WrittenPluginSet {
  readonly enabled?: readonly WrittenPlugin[];
  readonly disabled?: readonly WrittenPlugin[];
}
export type WrittenPlugins = Readonly<Partial<Record<ExtensionPoint | 'multiPoint', WrittenPluginSet>>>;

export interface ChosenPlugin {
  readonly name: string;
  readonly weight: number;
}

/** Without these there is no scheduling at all. */
const INDISPENSABLE: readonly [ExtensionPoint, string][] = [
  ['queueSort', 'PrioritySort'],
  ['preEnqueue', 'SchedulingGates'],
  ['bind', 'DefaultBinder'],
];
/** What is worked out for a point must not be missing there. */
const PREPARATIONS: readonly [ExtensionPoint, ExtensionPoint][] = [
  ['preFilter', 'filter'],
  ['preScore', 'score'],
];

/**
 * The plugins that act at a point, in order: those enabled for the point first, then those enabled everywhere
 * (KubeSchedulerProfile.plugins). Throws for plugins that are not known, or do not act there, naming the field.
 */
export function choosePlugins(written: WrittenPlugins, at: string): (point: ExtensionPoint) => readonly ChosenPlugin[] {
  for (const [point, set] of Object.entries(written)) checkSet(set, point as ExtensionPoint | 'multiPoint', `${at}.${point}`);
  const everywhere = pluginsEverywhere(written.multiPoint ?? {});
  const choose = (point: ExtensionPoint): readonly ChosenPlugin[] => {
    const { enabled = [], disabled = [] } = written[point] ?? {};
    const without = new Set(disabled.map(({ name }) => name));
    const own = enabled.map(({ name, weight }) => ({ name: name!, weight: weight || weightOf(name!) }));
    const named = new Set(own.map(({ name }) => name));
    const rest = everywhere.filter(
      ({ name }) => !named.has(name) && !without.has('*') && !without.has(name) && pointsOf(name).includes(point),
    );
    return [...own, ...rest];
  };
  for (const [point, name] of INDISPENSABLE)
    if (!choose(point).some((plugin) => plugin.name === name))
      throw invalid(`${at}.${point}.disabled`, name, 'the plugin cannot be disabled');
  for (const [preparation, point] of PREPARATIONS) {
    const prepared = new Set(choose(preparation).map(({ name }) => name));
    for (const { name } of choose(point))
      if (pointsOf(name).includes(preparation) && !prepared.has(name))
        throw invalid(
          `${at}.${preparation}.disabled`,
          name,
          `the plugin cannot be disabled here alone: it is enabled for ${point}`,
        );
  }
  return choose;
}

/** The plugins that act at every point of theirs. */
export function pluginsEverywhere({ enabled = [], disabled = [] }: WrittenPluginSet): readonly ChosenPlugin[] {
  const without = new Set(disabled.map(({ name }) => name));
  const chosen = new Map<string, number>();
  for (const { name, weight = 0 } of DEFAULT_PLUGINS) if (!without.has('*') && !without.has(name)) chosen.set(name, weight);
  for (const { name, weight } of enabled) chosen.set(name!, weight || weightOf(name!));
  return [...chosen].map(([name, weight]) => ({ name, weight }));
}

const pointsOf = (name: string) => DEFAULT_PLUGINS.find((plugin) => plugin.name === name)?.points ?? [];
const weightOf = (name: string) => DEFAULT_PLUGINS.find((plugin) => plugin.name === name)?.weight ?? 1;

function checkSet({ enabled = [], disabled = [] }: WrittenPluginSet, point: ExtensionPoint | 'multiPoint', at: string): void {
  const seen = new Set<string>();
  for (const [i, { name = '', weight = 0 }] of enabled.entries()) {
    const field = `${at}.enabled[${i}]`;
    const points = pointsOf(name);
    if (points.length === 0) throw invalid(`${field}.name`, name, 'plugin is not known');
    if (point !== 'multiPoint' && !points.includes(point))
      throw invalid(`${field}.name`, name, `plugin does not extend ${point}`);
    if (seen.has(name)) throw invalid(`${field}.name`, name, 'plugin already registered');
    if (weight < 0) throw invalid(`${field}.weight`, weight, 'must not be negative');
    seen.add(name);
  }
  for (const [i, { name = '' }] of disabled.entries())
    if (name !== '*' && pointsOf(name).length === 0) throw invalid(`${at}.disabled[${i}].name`, name, 'plugin is not known');
}
