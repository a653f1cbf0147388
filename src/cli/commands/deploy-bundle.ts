import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { MUSTER_VERSION } from '../../std/version.ts';
import { readControl, writeBundle } from '../deploy/bundle-file.ts';
import { defaultExecutable, librariesOf } from '../deploy/session.ts';

/** `muster deploy bundle`. */
export const deployBundleCommand: ComponentCommand = {
  name: 'deploy bundle',
  summary: 'Makes one file of all that hosts are given: Muster, and the Debian packages that it is told.',
  flags: [
    { name: 'output', shorthand: 'o', type: 'string', description: 'the file to be made' },
    { name: 'package', type: 'strings', description: 'a .deb, or a directory of them; may be repeated' },
    {
      name: 'executable',
      type: 'string',
      description: 'Muster as one file; default: what "npm run build" made, or this program',
    },
  ],
  async run({ values, args }, io) {
    if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
    const output = values.string('output');
    if (!output) throw new FlagError('--output', '-o, --output is missing: it names the file to be made');
    const named = values.string('executable');
    const executable = named ? resolve(io.cwd, named) : defaultExecutable();
    const files = (await Promise.all(values.strings('package').map((path) => packageFiles(resolve(io.cwd, path))))).flat();
    const packages = [];
    for (const file of files) packages.push(await readControl(file, (name, words) => runProgram(name, words)));
    const { files: bundled } = await writeBundle(resolve(io.cwd, output), {
      ...{ version: MUSTER_VERSION, architecture: process.arch, executable, packages },
      libraries: await librariesOf(executable),
    });
    const bytes = bundled.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    io.stdout(`${output}: Muster ${MUSTER_VERSION} and ${packages.length} packages, ${Math.ceil(bytes / (1 << 20))} MiB\n`);
    return 0;
  },
};

/** In the order of their names. */
async function packageFiles(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const found = (await readdir(path)).filter((name) => name.endsWith('.deb')).sort();
    if (found.length > 0) return found.map((name) => join(path, name));
  } catch (cause) {
    throw new CodedError(`--package ${path}: ${(cause as Error).message}`, { code: 'PACKAGE_UNREADABLE', cause });
  }
  throw new CodedError(`--package ${path}: there are no .deb files in it`, { code: 'PACKAGE_UNREADABLE' });
}
