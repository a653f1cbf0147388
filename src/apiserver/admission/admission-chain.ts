import type { Logger } from '../../std/logger.ts';
import type { Admission, AdmissionAttributes, AdmissionPlugin } from '../contracts.ts';
import type { AdmissionMetrics } from '../metrics/admission-metrics.ts';
import { choosePlugins, notOffered, type PluginChoice, WITHOUT_EFFECT } from './admission-plugins.ts';

export interface AdmissionChainOptions extends PluginChoice {
  /** What this server has, by name. */
  readonly available: ReadonlyMap<string, () => AdmissionPlugin>;
  /** Checks that are no plugins upstream either and cannot be switched off. */
  readonly always: readonly AdmissionPlugin[];
  readonly logger: Logger;
  readonly metrics?: AdmissionMetrics | undefined;
}

/**
 * The chosen plugins as one, in upstream's order.
 *
 * @throws CodedError ADMISSION_PLUGINS for one that was asked for by name and is not there: it would have kept something out
 */
export function createAdmissionChain({ available, always, logger, metrics, ...choice }: AdmissionChainOptions): Admission {
  const names = choosePlugins(choice);
  const asked = new Set([...(choice.enable ?? []), ...(choice.only ?? [])]);
  const missing = names.filter((name) => asked.has(name) && !available.has(name));
  const refused = missing.filter((name) => !WITHOUT_EFFECT.has(name));
  if (refused.length) throw notOffered(refused, choice);
  if (missing.length) logger.warn(`Admission plugins without effect here: ${missing.join(', ')}`);
  // These first: the last of the others charges quotas for what is let in.
  const plugins = [...always, ...names.flatMap((name) => available.get(name)?.() ?? [])];
  const mutating = plugins.filter((plugin) => plugin.admit);
  const validating = plugins.filter((plugin) => plugin.validate);
  const run = async (plugin: AdmissionPlugin, type: 'admit' | 'validate', attributes: AdmissionAttributes) => {
    if (!metrics) return plugin[type]?.(attributes);
    const startMs = performance.now();
    let rejected = true;
    try {
      await plugin[type]?.(attributes);
      rejected = false;
    } finally {
      metrics.plugin(plugin.name, attributes.operation, type, { rejected, seconds: (performance.now() - startMs) / 1000 });
    }
  };
  const admitAll = async (attributes: AdmissionAttributes) => {
    for (const plugin of mutating) if (plugin.handles(attributes)) await run(plugin, 'admit', attributes);
  };
  return {
    async admit(attributes) {
      await admitAll(attributes);
      if (!attributes.reinvocation?.wanted) return;
      attributes.reinvocation.again = true;
      await admitAll(attributes);
    },
    async validate(attributes) {
      for (const plugin of validating) if (plugin.handles(attributes)) await run(plugin, 'validate', attributes);
    },
  };
}
