import { renewCertificates } from '../../pki/layouts/make-certificates.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { ANY_NAMES, algorithmOf, ISSUE_FLAGS, lifetimeOf, NAMING_FLAGS, namingOf, selectSpecs } from '../certs/certs-flags.ts';

/** `muster certs renew NAME…|all`. */
export const certsRenewCommand: ComponentCommand = {
  name: 'certs renew',
  arguments: 'NAME...|all',
  summary: 'Issues certificates again, with the names that they have.',
  flags: [
    ...NAMING_FLAGS,
    ...ISSUE_FLAGS,
    { name: 'new-key', type: 'bool', description: 'make new keys too; the old ones stay otherwise' },
  ],
  run,
};

async function run(flags: ParsedFlags, io: CommandIo): Promise<number> {
  if (flags.args.length === 0) throw new FlagError('NAME', 'say which certificates to renew, or all');
  const specs = selectSpecs(flags.args, ANY_NAMES, 'NAME');
  const naming = namingOf(flags, io);
  const renewed = await renewCertificates({
    naming,
    specs,
    algorithm: algorithmOf(flags),
    lifetimeMs: lifetimeOf(flags, 'validity'),
    nowMs: io.clock.now(),
    newKey: flags.values.bool('new-key'),
    skipMissing: flags.args.includes('all'),
  });
  io.stdout(`renewed ${renewed.join(', ') || 'nothing'} in ${naming.directory}; restart what uses them\n`);
  return 0;
}
