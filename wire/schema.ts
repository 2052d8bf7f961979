/**
 * Schema types of the command table. They follow the Standard Schema convention, which valibot and
 * several other libraries implement.
 *
 * @module
 */

/** A problem with a value. */
export interface SchemaIssue {
  /** The problem as a sentence. */
  readonly message: string;
  /** Path of the problem inside the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Result of a validation: the value, or its problems. */
export type SchemaResult<O> =
  | { readonly value: O; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * Schema of a command's parameters or result.
 *
 * @typeParam I values as a client sends them
 * @typeParam O values as the server receives them, with defaults filled in
 */
export interface Schema<I = unknown, O = I> {
  /** Validation, as the convention defines it. */
  readonly "~standard": {
    /** Version of the convention. */
    readonly version: 1;
    /** Library that created the schema. */
    readonly vendor: string;
    /** Validates a value. The result must be returned at once, not as a promise. */
    readonly validate: (value: unknown) => SchemaResult<O> | Promise<SchemaResult<O>>;
    /** Exists only for the type checker. */
    readonly types?: { readonly input: I; readonly output: O } | undefined;
  };
}
