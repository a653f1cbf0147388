import { type DirectoryStep, type FileStep, type Step, titleOf } from '../desired/step.ts';
import type { FileFact, HostFacts } from '../facts/facts.ts';
import { lineDiff } from './line-diff.ts';

/** One thing that is to be done on a host, and how it shows. */
export interface Change {
  readonly step: Step;
  /** `create`: nothing is there. */
  readonly action: 'create' | 'change' | 'remove' | 'start' | 'restart' | 'stop';
  readonly title: string;
  /** As a diff: what goes with `-`, what comes with `+`. Never a secret. */
  readonly lines: readonly string[];
}

const isText = (step: FileStep) => !step.secret && step.content.bytes.length <= 64 * 1024;

/** What has to be done to make a host what `steps` say; nothing for what is so already. */
export function planHost(steps: readonly Step[], facts: HostFacts): Change[] {
  return steps.flatMap((step) => {
    const found = planStep(step, facts);
    return found ? [{ step, title: titleOf(step), ...found }] : [];
  });
}

type Found = Pick<Change, 'action' | 'lines'>;

function planStep(step: Step, facts: HostFacts): Found | undefined {
  switch (step.type) {
    case 'directory':
      return planDirectory(step, facts.files.get(step.path));
    case 'file':
      return planFile(step, facts.files.get(step.path));
    case 'link': {
      const there = facts.files.get(step.path);
      if (there?.type === 'link' && there.target === step.target) return undefined;
      return { action: there ? 'change' : 'create', lines: [...(there ? [`- ${describe(there)}`] : []), `+ -> ${step.target}`] };
    }
    case 'absent': {
      const there = facts.files.get(step.path);
      return there ? { action: 'remove', lines: [`- ${describe(there)}`] } : undefined;
    }
    case 'account': {
      const there = facts.accounts.get(step.name);
      if (there) return undefined; // another number is preflight's business
      return { action: 'create', lines: [`+ ${step.id ?? 'a system account'}`] };
    }
    case 'unit': {
      const there = facts.units.get(step.name);
      const isActive = there?.active === 'active';
      if (isActive && there.enabled === 'enabled' && there.fingerprint === step.fingerprint) return undefined;
      if (!isActive) return { action: 'start', lines: [`- ${there?.active || 'missing'}`, '+ active, enabled'] };
      if (there.fingerprint === step.fingerprint) return { action: 'change', lines: [`- ${there.enabled}`, '+ enabled'] };
      return { action: 'restart', lines: ['- runs with other files', '+ runs with these'] };
    }
    case 'running': {
      const there = facts.units.get(step.name);
      if (there?.active !== 'active') return { action: 'start', lines: [`- ${there?.active || 'missing'}`, '+ active, enabled'] };
      // Somebody started it by hand: it would not come back with the host.
      return there.enabled === 'disabled' ? { action: 'change', lines: ['- disabled', '+ enabled'] } : undefined;
    }
    case 'packages':
      return { action: 'create', lines: step.names.map((name) => `+ ${name}`) };
    case 'restarted':
      return { action: 'restart', lines: [] };
    case 'forgotten':
      return { action: 'remove', lines: [] };
    case 'library-cache':
      return facts.libraries.has(step.library) ? undefined : { action: 'change', lines: [`+ ${step.library}`] };
    case 'stopped': {
      const there = facts.units.get(step.name);
      const isOff = !there || there.load === 'not-found' || (there.active !== 'active' && there.enabled !== 'enabled');
      return isOff ? undefined : { action: 'stop', lines: [`- ${there.active}, ${there.enabled}`, '+ inactive, disabled'] };
    }
    case 'swap-off': {
      if (facts.swaps + facts.fstabSwaps === 0) return undefined;
      return { action: 'change', lines: [`- ${facts.swaps} active, ${facts.fstabSwaps} in /etc/fstab`, '+ none'] };
    }
    case 'module':
      return facts.modules.has(step.name) || facts.filesystems.has(step.name)
        ? undefined
        : { action: 'start', lines: ['+ loaded'] };
    case 'sysctl': {
      const there = facts.sysctls.get(step.key);
      // What may not be written is told, as what is not there.
      if (!there?.writable || there.value === step.value) return undefined;
      return { action: 'change', lines: [`- ${there.value}`, `+ ${step.value}`] };
    }
  }
}

function planDirectory(step: DirectoryStep, there: FileFact | undefined): Found | undefined {
  if (!there) return { action: 'create', lines: [`+ ${rights(step)}`] };
  if (there.type !== 'directory') return { action: 'change', lines: [`- ${describe(there)}`, `+ directory ${rights(step)}`] };
  return rights(there) === rights(step) ? undefined : { action: 'change', lines: [`- ${rights(there)}`, `+ ${rights(step)}`] };
}

function planFile(step: FileStep, there: FileFact | undefined): Found | undefined {
  const wanted = `${rights(step)}, ${step.secret ? 'secret' : `${step.content.bytes.length} bytes`}`;
  if (!there) return { action: 'create', lines: [`+ ${wanted}`, ...(isText(step) ? lineDiff('', textOf(step)) : [])] };
  if (step.keep) return undefined;
  if (there.type !== 'file') return { action: 'change', lines: [`- ${describe(there)}`, `+ ${wanted}`] };
  const sameRights = rights(there) === rights(step);
  const sameContent = there.sha256 === step.content.sha256;
  if (sameRights && sameContent) return undefined;
  const lines = sameRights ? [] : [`- ${rights(there)}`, `+ ${rights(step)}`];
  if (sameContent) return { action: 'change', lines };
  const shown = isText(step) && there.content !== undefined;
  return {
    action: 'change',
    lines: [
      ...lines,
      ...(shown
        ? lineDiff(there.content ?? '', textOf(step))
        : [`- ${there.sizeBytes} bytes`, `+ ${step.secret ? 'secret' : `${step.content.bytes.length} bytes`}`]),
    ],
  };
}

const textOf = ({ content }: FileStep) => Buffer.from(content.bytes).toString();

interface Rights {
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly reader?: string;
}

const rights = ({ mode, owner, group, reader }: Rights) =>
  `${mode.toString(8).padStart(4, '0')} ${owner}:${group}${reader === undefined ? '' : `, for user ${reader} by ACL`}`;

function describe(there: FileFact): string {
  return there.type === 'link'
    ? `link -> ${there.target}`
    : there.type === 'other'
      ? 'neither file nor directory'
      : `${there.type} ${rights(there)}`;
}

/** Kernel parameters that cannot be set on a host, by why: its kernel lacks them, or lets nobody write them. A remark for each reason. */
export function sysctlsLeftOut(wanted: ReadonlyMap<string, string>, { sysctls }: HostFacts): string[] {
  const unknown = [...wanted.keys()].filter((key) => !sysctls.has(key));
  const readOnly = [...wanted].flatMap(([key, value]) => {
    const there = sysctls.get(key);
    return there && !there.writable && there.value !== value ? [key] : [];
  });
  return [
    ...(unknown.length > 0 ? [`kernel parameters that its kernel lacks are left out: ${unknown.join(', ')}`] : []),
    ...(readOnly.length > 0 ? [`kernel parameters that cannot be written are left as they are: ${readOnly.join(', ')}`] : []),
  ];
}
