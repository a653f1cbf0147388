/** Field number → name in JSON, or, for a structure that is embedded in JSON and nested on the wire, its numbers. */
export interface FieldNumbers {
  [number: string]: string | FieldNumbers;
}
