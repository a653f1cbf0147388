/** What a field of a component's configuration file may hold. Objects list their fields in the order in which upstream declares (and so prints) them. */
export type FieldType =
  | 'bool'
  | 'integer'
  | 'number'
  | 'string'
  /** As Go writes it, `2m0s`; kept as such. */
  | 'duration'
  | 'strings'
  | 'integers'
  | 'string-map'
  | 'bool-map'
  /** string → list of strings */
  | 'strings-map'
  /** Whatever it is: its fields are read with `readObject` once it is known what they must be. */
  | 'any'
  | { readonly object: FieldTable }
  | { readonly list: FieldTable };

export interface Field {
  readonly type: FieldType;
  readonly default?: unknown;
  /** Printed by configz even when false, 0 or empty: upstream's pointers and its fields without `omitempty`. */
  readonly keepZero?: boolean;
  /** Smallest and largest legal number, or seconds of a duration. */
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly string[];
  /** The flag of the same meaning, for messages and for the command line. */
  readonly flag?: string;
  /** The flag is written `memory.available<100Mi,nodefs.available<10%`. */
  readonly thresholds?: true;
}

export type FieldTable = Readonly<Record<string, Field>>;
