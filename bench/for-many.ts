/** Does the same for many, some at a time. */
export async function forMany(count: number, work: (i: number) => Promise<unknown>, atOnce = 32): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
