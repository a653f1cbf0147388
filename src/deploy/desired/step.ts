import { createHash } from 'node:crypto';

/** When a step is done: all hosts finish one phase before any begins the next. */
export const PHASES = ['prepare', 'install', 'etcd', 'load-balancer', 'api-server', 'controllers', 'node'] as const;
export type Phase = (typeof PHASES)[number];

export interface DirectoryStep {
  readonly type: 'directory';
  readonly path: string;
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  /** SELinux type, where SELinux is. */
  readonly label?: string;
}

export interface FileStep {
  readonly type: 'file';
  readonly path: string;
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly content: FileContent;
  /** Never printed. */
  readonly secret: boolean;
  readonly label?: string;
  /** A user who may read it by an access list. The mode's place of the group then says what the list allows at most. */
  readonly reader?: string;
  /** What is there already stays as it is. */
  readonly keep?: boolean;
}

/** Bytes with what they are told by. */
export interface FileContent {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

export interface LinkStep {
  readonly type: 'link';
  readonly path: string;
  readonly target: string;
}

/** A file that was there for a time, and is no more to be. */
export interface AbsentStep {
  readonly type: 'absent';
  readonly path: string;
}

/** A user and its group without a password, home or shell. */
export interface AccountStep {
  readonly type: 'account';
  readonly name: string;
  /** Undefined: a system account, numbered by the host. */
  readonly id?: number;
}

/** A service of ours, enabled and running with what its files say. */
export interface UnitStep {
  readonly type: 'unit';
  readonly name: string;
  /** Of all that it reads at its start. */
  readonly fingerprint: string;
  /** Kernel parameters that it sets by itself: how they were is remembered for `reset`. */
  readonly sets?: readonly string[];
}

/** A service of the host that is to run. */
export interface RunningStep {
  readonly type: 'running';
  readonly name: string;
}

/** A service of ours that is to look at its files again. */
export interface RestartedStep {
  readonly type: 'restarted';
  readonly name: string;
}

/** Files that go, of which a component makes others: ends of their names may be `*`. */
export interface ForgottenStep {
  readonly type: 'forgotten';
  readonly paths: readonly string[];
}

/** A service of the host that may not run. */
export interface StoppedStep {
  readonly type: 'stopped';
  readonly name: string;
}

/** Packages of the host's own system, of those that were put into a directory there, which goes away again. */
export interface PackagesStep {
  readonly type: 'packages';
  readonly names: readonly string[];
  readonly directory: string;
}

export interface SwapStep {
  readonly type: 'swap-off';
}

export interface ModuleStep {
  readonly type: 'module';
  readonly name: string;
}

/** The dynamic linker's cache, which is to know a library of ours. */
export interface LibraryCacheStep {
  readonly type: 'library-cache';
  readonly library: string;
}

/** Kernel parameters, beside the file that sets them at boot. */
export interface SysctlStep {
  readonly type: 'sysctl';
  readonly key: string;
  readonly value: string;
}

export type StepAction =
  | DirectoryStep
  | FileStep
  | LinkStep
  | AbsentStep
  | AccountStep
  | UnitStep
  | RunningStep
  | RestartedStep
  | ForgottenStep
  | StoppedStep
  | PackagesStep
  | SwapStep
  | ModuleStep
  | LibraryCacheStep
  | SysctlStep;

/** What a host is to be, one thing at a time, in the order in which it is made so. */
export type Step = StepAction & { readonly phase: Phase };

export function contentOf(data: string | Uint8Array): FileContent {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The fingerprint of a unit: of the files that it reads, with their paths. */
export function fingerprintOf(files: readonly FileStep[]): string {
  const hash = createHash('sha256');
  for (const { path, content } of files) hash.update(`${path}\0${content.sha256}\n`);
  return hash.digest('hex');
}

/** What a step is called in what is printed. */
export function titleOf(step: StepAction): string {
  switch (step.type) {
    case 'directory':
    case 'file':
    case 'link':
      return `${step.type} ${step.path}`;
    case 'absent':
      return `file ${step.path}`;
    case 'account':
    case 'module':
      return `${step.type} ${step.name}`;
    case 'unit':
    case 'running':
    case 'restarted':
    case 'stopped':
      return `service ${step.name}`;
    case 'forgotten':
      return `files ${step.paths.join(', ')}`;
    case 'packages':
      return `packages ${step.names.join(', ')}`;
    case 'swap-off':
      return 'swap';
    case 'library-cache':
      return `linker's cache`;
    case 'sysctl':
      return `sysctl ${step.key}`;
  }
}
