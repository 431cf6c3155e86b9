import { pino, type DestinationStream } from "pino";
import { correlationId } from "./correlation.ts";
import { createRedactor } from "./redact.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** The message is static and lower-case; what varies goes into the fields. An error goes into the field `err`. */
interface LogMethod {
  (message: string): void;
  (fields: object, message: string): void;
}

/** Levels: error = our bug, warn = watch this, info = somebody did something, debug = everything else. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** A logger that adds these fields to every line. */
  child(fields: object): Logger;
}

/** Names of fields that are never shown, wherever they appear in the first three levels. */
const HIDDEN_FIELDS = [
  "password",
  "secret",
  "client_secret",
  "clientSecret",
  "token",
  "access_token",
  "accessToken",
  "refresh_token",
  "refreshToken",
  "id_token",
  "idToken",
  "authorization",
  "cookie",
  '["set-cookie"]',
];

/**
 * Makes the root logger: one JSON object per line, with the correlation id of the action being served. Secrets are kept
 * out three ways: by field name, by the given values, and by the shape of well-known credentials.
 */
export function createLogger(options: {
  readonly level?: LogLevel;
  /** Values that must never appear, e.g. every secret of the configuration. */
  readonly secrets?: Iterable<string>;
  /** Standard error by default: standard output belongs to commands. */
  readonly destination?: DestinationStream;
}): Logger {
  const redact = createRedactor(options.secrets);
  return pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin() {
        const id = correlationId();
        return id === null ? {} : { correlationId: id };
      },
      redact: { paths: HIDDEN_FIELDS.flatMap(atThreeLevels), censor: "[secret]" },
      hooks: { streamWrite: redact },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

function atThreeLevels(field: string): string[] {
  const dot = field.startsWith("[") ? "" : ".";
  return [field, `*${dot}${field}`, `*.*${dot}${field}`];
}
