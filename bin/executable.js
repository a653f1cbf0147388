// Makes one file of Muster and Node, for hosts that have neither (https://nodejs.org/api/single-executable-applications.html).
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/**
 * Writes the executable to `output`. What is loaded later lies in the same file, and is compiled when it is used.
 *
 * @param assets further files: path in `src` → path on disk
 * @throws Error when it cannot be made
 */
export async function makeExecutable(root, output, assets) {
  const directory = mkdtempSync(join(tmpdir(), 'muster-build-'));
  try {
    const workers = globSync('src/**/*-worker.ts', { cwd: root });
    const main = join(directory, 'main.mjs');
    await bundle(root, 'src/cli/executable.ts', main);
    const files = { ...assets };
    for (const worker of workers) {
      const name = relative('src', worker).slice(0, -'.ts'.length);
      files[name] = join(directory, `${name.replaceAll('/', '-')}.mjs`);
      await bundle(root, worker, files[name]);
    }
    // Where Muster is brought to a host, this comes with it.
    const library = libraryOf(process.execPath);
    if (library) files[LIBRARY] = library;
    const configuration = join(directory, 'configuration.json');
    const made = join(directory, 'muster');
    const settings = {
      main,
      mainFormat: 'module',
      output: made,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: files,
    };
    writeFileSync(configuration, JSON.stringify(settings));
    const { status, stderr } = spawnSync(process.execPath, ['--build-sea', configuration], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`node --build-sea failed: ${stderr}`);
    mkdirSync(dirname(output), { recursive: true });
    if (library) copyFileSync(library, join(dirname(output), LIBRARY));
    const temporary = `${output}.${process.pid}.tmp`;
    copyFileSync(made, temporary);
    renameSync(temporary, output);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Node needs it, and small installations of Linux do not have it. */
const LIBRARY = 'libatomic.so.1';

function libraryOf(program) {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return new RegExp(`${LIBRARY.replaceAll('.', '\\.')} => (/\\S+)`).exec(stdout ?? '')?.[1];
}

/** All in one file. Modules that are no ECMAScript ones ask for Node's by `require`. */
async function bundle(root, entry, outfile) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf('/');" },
    logLevel: 'error',
  });
}
