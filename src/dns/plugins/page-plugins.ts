/** Plugins that serve a page over HTTP. */
import { METRICS_TYPE } from '../../std/metric.ts';
import { checkCount, readDuration, unknownProperty } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import type { PluginDefinition } from './plugin.ts';

const TEXT = 'text/plain; charset=utf-8';

function readAddress(directive: Directive, otherwise: string): string {
  const [address = otherwise] = checkCount(directive, 0, 1);
  if (!/^(\[[^\]]+\]|[^:]*):\d{1,5}$/.test(address))
    throw new CorefileError(directive, `${directive.name}: ${JSON.stringify(address)} is no address with a port`);
  return address;
}

/** `health [ADDRESS] { lameduck DURATION }`: 200 as long as the process lives. */
export const healthPlugin: PluginDefinition = {
  name: 'health',
  read([directive]) {
    const address = readAddress(directive!, ':8080');
    let lameduckMs = 0;
    for (const property of directive!.block) {
      if (property.name !== 'lameduck') throw unknownProperty(property);
      lameduckMs = readDuration(property, checkCount(property, 1)[0]!);
    }
    return () => ({
      lameduckMs,
      pages: [{ address, path: '/health', answer: () => ({ status: 200, contentType: TEXT, text: 'OK' }) }],
    });
  },
};

/** `ready [ADDRESS]`: 200 when every plugin can work. The server puts the blocks together. */
export const readyPlugin: PluginDefinition = {
  name: 'ready',
  read([directive]) {
    const address = readAddress(directive!, ':8181');
    return () => ({ pages: [{ address, path: '/ready', answer: () => ({ status: 200, contentType: TEXT, text: 'OK' }) }] });
  },
};

/** `prometheus [ADDRESS]`: counters under CoreDNS's names. */
export const prometheusPlugin: PluginDefinition = {
  name: 'prometheus',
  read([directive]) {
    const address = readAddress(directive!, 'localhost:9153');
    const [property] = directive!.block;
    if (property) throw new CorefileError(property, `prometheus: ${property.name} is not supported`);
    return ({ metrics }) => ({
      pages: [
        {
          address,
          path: '/metrics',
          answer: () => ({ status: 200, contentType: METRICS_TYPE, text: metrics.render() }),
        },
      ],
    });
  },
};
