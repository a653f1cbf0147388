import type { BundledPackage } from '../bundle/bundle.ts';
import { closureOf, packagesIndex } from '../bundle/packages.ts';
import { JOURNAL } from '../journal.ts';
import { inPhase, textFile } from './files.ts';
import type { Step } from './step.ts';

const DIRECTORY = `${JOURNAL}/packages`;

/**
 * What a host lacks, out of a bundle: the packages of the missing programs with all that they need are put there, and installed from there.
 *
 * @param needed programs of the host, each with its package
 * @param there programs that it has; undefined while it has not been looked at: then all files that it may get
 */
export function packageSteps(
  needed: ReadonlyMap<string, string>,
  bundled: readonly BundledPackage[],
  there: ReadonlySet<string> | undefined,
): Step[] {
  const names = [...new Set([...needed].filter(([program]) => !there?.has(program)).map(([, name]) => name))].filter((name) =>
    bundled.some((one) => one.name === name),
  );
  if (names.length === 0) return [];
  const chosen = new Set(closureOf(names, bundled).map(({ file }) => file));
  const files = bundled.filter(({ file }) => chosen.has(file));
  return inPhase('prepare', [
    ...files.map(({ file, content }) => ({ ...textFile(`${DIRECTORY}/${file}`, ''), content })),
    textFile(`${DIRECTORY}/Packages`, packagesIndex(files)),
    textFile(`${DIRECTORY}/sources.list`, `deb [trusted=yes] file:${DIRECTORY} ./\n`),
    ...(there ? [{ type: 'packages', names, directory: DIRECTORY } as const] : []),
  ]);
}
