/** Command lines of programs that are not ours: fitted to what each says of itself. */
import type { ComponentFlags, ComponentName } from '../../api/config/v1/inventory.ts';
import type { FileContent } from '../desired/step.ts';

/** A program that hosts get in the place of Muster's own. */
export interface UpstreamProgram {
  readonly content: FileContent;
  /** Names of its flags, without dashes. */
  readonly flags: ReadonlySet<string>;
}

/** By component; empty where Muster's own programs run. */
export type UpstreamPrograms = ReadonlyMap<ComponentName, UpstreamProgram>;

/** The programs of a release, as its archives call them. */
export const UPSTREAM_NAMES = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'] as const;

/** The names of the flags that a program's `--help` lists: `  -v, --v Level …`, `      --kubeconfig string …`. */
export function flagsInHelp(help: string): ReadonlySet<string> {
  return new Set([...help.matchAll(/^\s+(?:-\w, )?--([a-zA-Z0-9][a-zA-Z0-9_.-]*)(?=[\s=]|$)/gm)].map(([, name]) => name!));
}

/**
 * What of these flags a program takes. Those that it does not know are left out: releases drop flags whose effect is the only way by then.
 *
 * @param defaults of ours; flags that the user gives are checked by `unknownFlags`, and never left out
 */
export function fitFlags(
  defaults: Readonly<Record<string, string>>,
  program: UpstreamProgram | undefined,
): Readonly<Record<string, string>> {
  if (!program) return defaults;
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => program.flags.has(name)));
}

/** Flags that the user gives to programs that do not know them, each with its field: `flags.kubelet.foo`. */
export function unknownFlags(
  inventory: { readonly flags: ComponentFlags; readonly hosts: readonly { readonly flags: ComponentFlags }[] },
  programs: UpstreamPrograms,
): string[] {
  const given = [
    { at: 'flags', flags: inventory.flags },
    ...inventory.hosts.map(({ flags }, i) => ({ at: `hosts[${i}].flags`, flags })),
  ];
  return given.flatMap(({ at, flags }) =>
    [...programs].flatMap(([component, program]) =>
      Object.keys(flags[component] ?? {})
        .filter((name) => !program.flags.has(name))
        .map((name) => `${at}.${component}.${name}`),
    ),
  );
}
