import type { TestEvent } from 'node:test/reporters';

/** A reporter of node's test runner: the files in which a test failed, one a line, each once. */
export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const told = new Set<string>();
  for await (const { type, data } of events) {
    if (type !== 'test:fail') continue;
    const { file, todo } = data;
    if (file === undefined || todo !== undefined || told.has(file)) continue;
    told.add(file);
    yield `${file}\n`;
  }
}
