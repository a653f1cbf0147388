import type { TestEvent } from 'node:test/reporters';

/** A reporter of node's test runner: one line of JSON for each outermost test, with its failure if it has one. */
export default async function* guestResults(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting > 0) continue;
    const failure = type === 'test:fail' && data.todo === undefined ? { failure: reasonOf(data.details.error) } : {};
    yield `${JSON.stringify({ title: data.name, ...failure })}\n`;
  }
}

const reasonOf = (error: Error): string => String((error.cause as Error | undefined)?.stack ?? error.stack ?? error);
