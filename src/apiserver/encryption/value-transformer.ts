/** A value that was read, and whether it would be written in another form today. */
export interface ReadValue {
  readonly data: Buffer;
  readonly stale: boolean;
}

/** Turns stored values into plain ones and back. `path` is the store's key: a value that was moved is no longer the same. */
export interface ValueTransformer {
  /** @throws Error for what cannot be read */
  read(stored: Buffer, path: string): ReadValue;
  write(data: Buffer, path: string): Buffer;
  /** Where reading takes a key that is not here yet: settles when it has been got, or cannot be. Undefined when nothing is missing. */
  prepare?(stored: Buffer): Promise<void> | undefined;
  /** What tells the form of a value besides its prefix. */
  formOf?(stored: Buffer): string;
}

/** One form of values: those that begin with the prefix. The empty prefix is that of plain values. */
export interface PrefixedTransformer {
  readonly prefix: Buffer;
  readonly transformer: ValueTransformer;
}

/**
 * Reads values by what they begin with and writes the first form (apiserver/pkg/storage/value, NewPrefixTransformers). Several forms
 * may share a prefix: then each is tried.
 */
export function createPrefixTransformer(
  forms: readonly PrefixedTransformer[],
  unknown = 'no matching prefix found',
): ValueTransformer {
  const readers = (stored: Buffer) => forms.filter(({ prefix }) => beginsWith(stored, prefix));
  return {
    read(stored, path) {
      const problems: string[] = [];
      for (const [i, { prefix, transformer }] of forms.entries()) {
        if (!beginsWith(stored, prefix)) continue;
        try {
          const { data, stale } = transformer.read(stored.subarray(prefix.length), path);
          return { data, stale: stale || i !== 0 };
        } catch (error) {
          // A plain form above the others: whoever moves away from encryption still reads what is encrypted.
          if (prefix.length > 0) problems.push((error as Error).message);
        }
      }
      throw new Error(problems.length ? problems.join(', ') : unknown);
    },
    write(data, path) {
      const { prefix, transformer } = forms[0]!;
      return Buffer.concat([prefix, transformer.write(data, path)]);
    },
    ...(forms.some(({ transformer }) => transformer.prepare) && {
      prepare(stored: Buffer) {
        const waiting = readers(stored).flatMap(({ prefix, transformer }) => {
          const missing = transformer.prepare?.(stored.subarray(prefix.length));
          return missing ? [missing] : [];
        });
        return waiting.length ? Promise.all(waiting).then(() => undefined) : undefined;
      },
      formOf: (stored: Buffer) =>
        readers(stored)
          .map(({ prefix, transformer }) => transformer.formOf?.(stored.subarray(prefix.length)) ?? '')
          .join(''),
    }),
  };
}

const ENCRYPTED = Buffer.from('k8s:enc:');

/** Plain values. */
export const identityTransformer: ValueTransformer = {
  read(stored) {
    if (beginsWith(stored, ENCRYPTED)) throw new Error('identity transformer tried to read encrypted data');
    return { data: stored, stale: false };
  },
  write: (data) => data,
};

/** Whatever their lengths: `Buffer.compare` takes no range that is longer than the value. */
function beginsWith(value: Buffer, prefix: Buffer): boolean {
  return prefix.equals(value.subarray(0, prefix.length));
}
