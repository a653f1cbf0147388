import { invalidField } from './field-error.ts';
import { checkPortName } from './names.ts';
import type { FieldError } from './status-error.ts';

export const NOT_A_PORT = 'must be between 1 and 65535, inclusive';

export const isPortNumber = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;

export const checkPortNumber = (field: string, port: number): FieldError[] =>
  isPortNumber(port) ? [] : [invalidField(field, port, NOT_A_PORT)];

/** A number, or the name of a container's port. */
export const checkPort = (field: string, port: number | string): FieldError[] =>
  typeof port === 'number'
    ? checkPortNumber(field, port)
    : checkPortName(port).map((complaint) => invalidField(field, port, complaint));
