import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { cachePlugin } from './cache-plugin.ts';
import { errorsPlugin } from './errors-plugin.ts';
import { forwardPlugin } from './forward-plugin.ts';
import { hostsPlugin } from './hosts-plugin.ts';
import { kubernetesPlugin } from './kubernetes-plugin.ts';
import { logPlugin } from './log-plugin.ts';
import { healthPlugin, prometheusPlugin, readyPlugin } from './page-plugins.ts';
import type { Plugin, PluginContext, PluginDefinition } from './plugin.ts';
import { rewritePlugin } from './rewrite-plugin.ts';
import {
  anyPlugin,
  bindPlugin,
  bufsizePlugin,
  loadbalancePlugin,
  loopPlugin,
  minimalPlugin,
  reloadPlugin,
} from './small-plugins.ts';
import { templatePlugin } from './template-plugin.ts';

/** In the order in which they see a query, whatever the order in the Corefile: CoreDNS's (its plugin.cfg). */
export const KNOWN_PLUGINS: readonly PluginDefinition[] = [
  reloadPlugin,
  bufsizePlugin,
  bindPlugin,
  readyPlugin,
  healthPlugin,
  prometheusPlugin,
  errorsPlugin,
  logPlugin,
  anyPlugin,
  loadbalancePlugin,
  cachePlugin,
  rewritePlugin,
  minimalPlugin,
  templatePlugin,
  hostsPlugin,
  kubernetesPlugin,
  loopPlugin,
  forwardPlugin,
];

export interface ReadPlugin {
  readonly name: string;
  readonly create: (context: PluginContext) => Plugin;
}

/**
 * The plugins of a server block, ready to be made.
 *
 * @throws CorefileError that names the plugin and the line
 */
export function readPlugins(directives: readonly Directive[], zones: readonly string[]): ReadPlugin[] {
  for (const directive of directives)
    if (!KNOWN_PLUGINS.some(({ name }) => name === directive.name)) {
      if (/^[a-z0-9_]+$/.test(directive.name)) throw new CorefileError(directive, `plugin '${directive.name}' is not supported`);
      throw new CorefileError(directive, `Unknown directive '${directive.name}'`);
    }
  const read: ReadPlugin[] = [];
  for (const { name, repeatable, read: readOne } of KNOWN_PLUGINS) {
    const own = directives.filter((directive) => directive.name === name);
    const [, second] = own;
    if (own.length === 0) continue;
    if (second && !repeatable)
      throw new CorefileError(second, `plugin/${name}: this plugin can only be used once per Server Block`);
    read.push({ name, create: readOne(own, zones) });
  }
  return read;
}
