/**
 * Schemas as the command table knows them: whatever follows the Standard Schema convention, as
 * valibot's do, and those of several other libraries.
 *
 * @module
 */

/** What is wrong with a value. */
export interface SchemaIssue {
  /** A sentence. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What checking a value led to: what it is taken as, or what is wrong with it. */
export type SchemaResult<O> =
  | { readonly value: O; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * A schema.
 *
 * @typeParam I values as they are written
 * @typeParam O values as they are received, defaults filled in
 */
export interface Schema<I = unknown, O = I> {
  /** How values are checked. */
  readonly "~standard": {
    /** The convention's version. */
    readonly version: 1;
    /** The library that made the schema. */
    readonly vendor: string;
    /** Checks a value; must answer at once, not with a promise. */
    readonly validate: (value: unknown) => SchemaResult<O> | Promise<SchemaResult<O>>;
    /** Only there for the type checker. */
    readonly types?: { readonly input: I; readonly output: O } | undefined;
  };
}
