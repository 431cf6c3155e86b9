/** What kind of refusal or fault an error is. The kind alone decides HTTP status, chat tone, log level and retry. */
export type ErrorKind =
  | "invalid_input"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "blocked"
  | "rate_limited"
  | "upstream"
  | "timeout"
  | "internal";

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** What the person can do next, in one sentence. */
  readonly remedy?: string;
}

/** Every error a person may see. Anything else that reaches an edge is a bug and shown as a reference id only. */
export abstract class AppError extends Error {
  /** Stable, dotted, e.g. `release.not_found`. */
  abstract readonly code: string;
  abstract readonly kind: ErrorKind;
  /** Safe to show to the person who asked; never holds secrets. */
  abstract readonly data: unknown;
  readonly remedy: string | undefined = undefined;
}

export interface AppErrorClass<D> {
  new (data: D, options?: AppErrorOptions): AppError & { readonly data: D };
  readonly code: string;
  readonly kind: ErrorKind;
}

/**
 * Declares one error. `message` must be safe to show to the person who asked; `remedy` is the default advice, which a
 * thrower may replace with a more exact one.
 */
export function defineError<D>(
  code: string,
  kind: ErrorKind,
  message: (data: D) => string,
  remedy?: (data: D) => string,
): AppErrorClass<D> {
  return class extends AppError {
    static readonly code = code;
    static readonly kind = kind;
    override readonly name = "AppError";
    readonly code = code;
    readonly kind = kind;
    readonly data: D;
    override readonly remedy: string | undefined;
    constructor(data: D, options: AppErrorOptions = {}) {
      super(message(data), options.cause === undefined ? undefined : { cause: options.cause });
      this.data = data;
      this.remedy = options.remedy ?? remedy?.(data);
    }
  };
}
