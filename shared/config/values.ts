import { z } from "zod";
import { Secret } from "./secret.ts";

/** A text that says something. Numbers and booleans written without quotes are taken as they were written. */
export const Text = z.preprocess(
  (value) => (typeof value === "number" || typeof value === "boolean" ? String(value) : value),
  z.string().trim().min(1, "must not be empty").max(10_000, "is longer than 10,000 characters"),
);

/** A whole number, also from an environment variable, where everything is text. */
export function wholeNumber(min: number, max: number) {
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z
      .number()
      .int("must be a whole number")
      .min(min, `must be at least ${min}`)
      .max(max, `must be at most ${max}`),
  );
}

/** Yes or no, also from an environment variable. */
export const Flag = z.preprocess((value) => {
  if (value === "true" || value === "false") {
    return value === "true";
  }
  return value;
}, z.boolean());

/** A secret: never shown again once parsed. The loader reads `<key>_file` for every key that ends like a credential. */
export const SecretText = z
  .union([z.string().min(1, "must not be empty"), z.number(), z.instanceof(Secret)])
  .transform((value) => (value instanceof Secret ? value : new Secret(String(value))));

/** A whole web address without credentials. */
export const HttpUrl = z.string().refine(
  (text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === "";
  },
  {
    error: "is not a web address",
    params: { fix: "Write it whole, such as https://releases.example.com." },
  },
);

/** A name people say and type: of a service, an environment, a team. */
export const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
  error: "may only have letters, digits, dots, dashes and underscores, at most 100",
});

export const RoleName = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, {
  error: "a role has small letters, digits, dashes and underscores, at most 32",
});

/** A branch as people write it. The source control provider checks it again when it is used. */
export const BranchName = z
  .string()
  .min(1, "must not be empty")
  .max(250, "is longer than 250 characters")
  .regex(/^[^-\s~^:?*[\\\p{Cc}\p{Cf}][^\s~^:?*[\\\p{Cc}\p{Cf}]*$/u, {
    error: "cannot be a branch name",
  });

/** A folder inside something else: relative, and it stays inside. Empty means the whole. */
export const InnerPath = z
  .string()
  .max(1000, "is longer than 1,000 characters")
  .refine(
    (path) =>
      !path.startsWith("/") &&
      !path.startsWith("-") &&
      !path.includes("\\") &&
      !path.includes("\0") &&
      !path.split("/").includes(".."),
    { error: "must be a relative path that stays inside the repository" },
  )
  .transform((path) => path.replace(/^(?:\.\/)+/, "").replace(/\/+$/, ""));
