import { readDuration, readZone } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import { type CorefileContext, parseCorefile, type ServerBlock } from '../corefile/parse-corefile.ts';
import { type ReadPlugin, readPlugins } from '../plugins/known-plugins.ts';

/** One server block, read. */
export interface BlockConfig {
  readonly zones: readonly string[];
  readonly port: number;
  /** Where it listens; empty: as the server does otherwise. */
  readonly bind: readonly string[];
  readonly plugins: readonly ReadPlugin[];
}

export interface ServerConfig {
  readonly blocks: readonly BlockConfig[];
  /** How often the Corefile is looked at again; undefined: never. */
  readonly reload: { readonly intervalMs: number; readonly jitterMs: number } | undefined;
}

/**
 * Everything that a Corefile says, or its first mistake.
 *
 * @param port of server blocks that name none
 * @throws CorefileError
 */
export function readServerConfig(text: string, file: string, context: CorefileContext & { readonly port: number }): ServerConfig {
  const parsed = parseCorefile(text, file, context);
  const taken = new Map<string, ServerBlock>();
  const blocks: BlockConfig[] = [];
  for (const block of parsed) {
    const bind = block.directives.filter(({ name }) => name === 'bind').flatMap(({ args }) => args);
    const byPort = new Map<number, string[]>();
    for (const key of block.keys) {
      const { zone, port } = readKey(key, block, context.port);
      for (const address of bind.length > 0 ? bind : ['']) {
        const where = `dns://${zone}:${port}${address && ` on ${address}`}`;
        if (taken.has(where)) throw new CorefileError(block, `cannot serve ${where} - it is already defined`);
        taken.set(where, block);
      }
      byPort.set(port, [...(byPort.get(port) ?? []), zone]);
    }
    for (const [port, zones] of byPort) blocks.push({ zones, port, bind, plugins: readPlugins(block.directives, zones) });
  }
  const reload = parsed.flatMap(({ directives }) => directives).find(({ name }) => name === 'reload');
  return {
    blocks,
    reload: reload && {
      intervalMs: readDuration(reload, reload.args[0] ?? '30s'),
      jitterMs: readDuration(reload, reload.args[1] ?? '15s'),
    },
  };
}

/** `.:53`, `example.org`, `dns://example.org:1053`, `10.0.0.0/24` */
function readKey(key: string, block: ServerBlock, otherwise: number): { zone: string; port: number } {
  const protocol = /^([a-z0-9+]+):\/\//.exec(key)?.[1];
  if (protocol !== undefined && protocol !== 'dns')
    throw new CorefileError(block, `${protocol}:// is not supported (${key}); serve plain DNS`);
  const match = /^(?:dns:\/\/)?(.*?)(?::(\d{1,5}))?$/.exec(key)!;
  const port = match[2] === undefined ? otherwise : Number(match[2]);
  if (port < 1 || port > 0xffff) throw new CorefileError(block, `${key}: there is no such port`);
  return { zone: readZone(block, match[1] || '.'), port };
}
