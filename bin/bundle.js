// Makes few files of the many in src/, which Node then loads in a fraction of the time and memory. Needs esbuild, a tool for development.
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { cacheOf, listSources, MANIFEST } from './fresh-bundle.js';

/** Where programs and threads begin; what they load later lies in files of its own. */
const ENTRIES = ['src/cli/main.ts', 'src/cli/commands/up.ts', 'src/cluster/start-cluster.ts', 'src/**/*-worker.ts'];

/**
 * The bundle's files as esbuild gives them. Names stay as they are written: errors and metrics tell some of them.
 *
 * @param target the oldest Node that is to run them, as esbuild calls it
 */
export async function bundleFiles(root, outdir, extension, target) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: globSync(ENTRIES, { cwd: root }),
    outbase: 'src',
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target,
    packages: 'external',
    outExtension: { '.js': extension },
    chunkNames: 'chunks/[hash]',
    sourcemap: 'linked',
    sourcesContent: false,
    write: false,
    logLevel: 'silent',
  });
  return outputFiles;
}

/**
 * Makes the bundle of a checkout beside its compiled code. What is there is complete at any moment: files come under a name that tells
 * their contents, and the manifest that names them comes last. The bundle before this one stays, since a cluster may still run from it.
 *
 * @throws Error when it cannot be made, and when a source changes meanwhile
 */
export async function makeBundle(root) {
  const cache = cacheOf(root);
  const sources = listSources(root);
  const temporary = join(cache, `bundle.${process.pid}.tmp`);
  try {
    const outputs = await bundleFiles(root, temporary, '.mjs', 'node26');
    const code = outputs.filter(({ path }) => !path.endsWith('.map'));
    const files = code.map(({ path, contents }) => [relative(temporary, path), contents.length]);
    const hash = createHash('sha256');
    for (const { path, contents } of outputs) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, contents);
      hash.update(`${relative(temporary, path)}\0${contents.length}\0`).update(contents);
    }
    if (JSON.stringify(listSources(root)) !== JSON.stringify(sources)) throw new Error('a source changed while it was bundled');
    const directory = `bundle-${hash.digest('hex').slice(0, 16)}`;
    const before = directoryInUse(cache);
    rmSync(join(cache, directory), { recursive: true, force: true });
    renameSync(temporary, join(cache, directory));
    writeFileSync(`${temporary}.json`, JSON.stringify({ directory, files, sources }));
    renameSync(`${temporary}.json`, join(cache, MANIFEST));
    for (const name of globSync('bundle-*', { cwd: cache })) {
      if (name !== directory && name !== before) rmSync(join(cache, name), { recursive: true, force: true });
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    rmSync(`${temporary}.json`, { force: true });
  }
}

function directoryInUse(cache) {
  try {
    return JSON.parse(readFileSync(join(cache, MANIFEST), 'utf8')).directory;
  } catch {
    return undefined; // the first
  }
}
