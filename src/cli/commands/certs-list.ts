import { findCertificate } from '../../pki/layouts/certificate-files.ts';
import { certificateSpecs, filesOf } from '../../pki/layouts/layout.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { ANY_NAMES, NAMING_FLAGS, namingOf } from '../certs/certs-flags.ts';
import { formatExpirations } from '../certs/expiration-table.ts';

/** `muster certs list`. */
export const certsListCommand: ComponentCommand = {
  name: 'certs list',
  summary: 'Says when each certificate expires.',
  flags: [...NAMING_FLAGS, { name: 'output', shorthand: 'o', type: 'string', description: 'json for programs' }],
  run,
};

async function run(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const output = flags.values.string('output');
  if (output !== '' && output !== 'json') throw new FlagError('--output', `--output: "${output}" is not json`);
  const naming = namingOf(flags, io);
  const read = async (spec: { name: string; fileName?: string }) => ({
    name: spec.name,
    files: filesOf(naming, spec),
    certificate: await findCertificate(filesOf(naming, spec)),
  });
  const authority = await read({ name: 'ca' });
  const certificates = await Promise.all(certificateSpecs(ANY_NAMES).map(read));
  if (output === 'json') {
    const documents = [authority, ...certificates].map(({ name, files, certificate }) => ({
      name,
      file: files.certificate,
      ...(typeof certificate === 'object'
        ? { expires: new Date(certificate.notAfterMs).toISOString(), commonName: certificate.commonName }
        : { problem: certificate ?? 'no such file' }),
    }));
    io.stdout(`${JSON.stringify(documents, null, 2)}\n`);
  } else io.stdout(formatExpirations(authority, certificates, io.clock.now()));
  return 0;
}
