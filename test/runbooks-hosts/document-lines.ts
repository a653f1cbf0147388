import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The lines of a runbook, kept in `lines/`, by the names of its steps: `#: name (M-05: what is corrected)` begins one.
 *
 * @throws Error when a step is asked for that is not there
 */
export function documentLines(file: string): (step: string) => string {
  const steps = new Map<string, string>();
  const [, ...sections] = readFileSync(join(import.meta.dirname, 'lines', file), 'utf8').split(/^#: /m);
  for (const section of sections) {
    const end = section.indexOf('\n');
    const [name = ''] = section.slice(0, end).split(' ', 1);
    if (steps.has(name)) throw new Error(`${file} has two steps ${name}`);
    steps.set(name, section.slice(end + 1));
  }
  return (step) => {
    const lines = steps.get(step);
    if (lines === undefined) throw new Error(`${file} has no step ${step}`);
    return lines;
  };
}
