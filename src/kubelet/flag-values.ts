import { FlagError, type ParsedFlags } from '../std/flags.ts';
import type { TaintSetting } from './configuration/kubelet-configuration.ts';

type Fields = Record<string, unknown>;

/**
 * What a configuration file gave, with what the flags say whose values have a form of their own: taints, headers, reserved memory.
 *
 * @throws FlagError naming the flag
 */
export function overrideByStructuredFlags(given: Readonly<Fields>, { values, isSet }: ParsedFlags): Fields {
  return {
    ...given,
    ...(isSet('register-with-taints') && { registerWithTaints: values.strings('register-with-taints').map(parseTaint) }),
    ...(isSet('manifest-url-header') && { staticPodURLHeader: parseHeaders(values.strings('manifest-url-header')) }),
    ...(isSet('reserved-memory') && { reservedMemory: parseReservedMemory(values.strings('reserved-memory')) }),
  };
}

/** `key=value:effect`, `key:effect`. */
export function parseTaint(text: string): TaintSetting {
  const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text);
  if (!match) throw invalid('register-with-taints', text, 'expected <key>=<value>:<effect>');
  return { key: match[1]!, ...(match[2] && { value: match[2] }), effect: match[3]! };
}

/** `name:value`; a name may come again. */
function parseHeaders(texts: readonly string[]): Record<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf(':');
    if (at < 1) throw invalid('manifest-url-header', text, 'malformed pair, expect string:string');
    const name = text.slice(0, at).trim();
    headers.set(name, [...(headers.get(name) ?? []), text.slice(at + 1).trim()]);
  }
  return Object.fromEntries(headers);
}

/** `0:memory=1Gi`, then more of the same node as `hugepages-2Mi=1Gi`. */
function parseReservedMemory(texts: readonly string[]): { numaNode: number; limits: Record<string, string> }[] {
  const reservations: { numaNode: number; limits: Record<string, string> }[] = [];
  for (const text of texts) {
    const match = /^(?:(\d+):)?([^=:]+)=([^=:]+)$/.exec(text);
    const node = match?.[1];
    if (!match || (node === undefined && reservations.length === 0))
      throw invalid('reserved-memory', text, 'expected <NUMA node>:<type>=<quantity>');
    if (node !== undefined) reservations.push({ numaNode: Number(node), limits: Object.create(null) as Record<string, string> });
    reservations.at(-1)!.limits[match[2]!] = match[3]!;
  }
  return reservations;
}

function invalid(flag: string, text: string, why: string): FlagError {
  return new FlagError(`--${flag}`, `invalid argument ${JSON.stringify(text)} for "--${flag}" flag: ${why}`);
}
